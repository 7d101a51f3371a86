package names

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/pricing"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/vectors"
)

type list struct {
	Attributes []named             `json:"attributes"`
	Events     []named             `json:"events"`
	Closed     map[string][]string `json:"closed_lists"`
}

type named struct {
	Constant string `json:"constant"`
	Name     string `json:"name"`
}

func shared(t *testing.T) list {
	var read list
	vectors.Into(t, "tests/vectors/names.json", &read)
	return read
}

func TestEveryNameIsInTheSharedListUnderItsConstant(t *testing.T) {
	read := shared(t)
	byConstant := map[string]string{}
	for _, one := range append(read.Attributes, read.Events...) {
		byConstant[one.Constant] = one.Name
	}
	checked := 0
	for constant, name := range dotted(t, "names.go") {
		require.Equal(t, byConstant[upper(constant)], name, constant)
		checked++
	}
	require.Equal(t, 18, checked, "constants with dotted names")
	for kind, name := range CostLines {
		require.Equal(t, byConstant["COST_LINES["+pricing.Kind(kind).String()+"]"], name)
	}
}

func TestValuesAreInTheClosedLists(t *testing.T) {
	closed := shared(t).Closed
	require.ElementsMatch(t, closed["cost_statuses"], []string{StatusPriced, StatusPartial, StatusUnpriced, StatusElsewhere})
	require.Subset(t, closed["cost_sources"], []string{SourceCollector, SourceEmitter})
	require.Subset(t, closed["operations"], BilledOperations[:])
	var kinds []string
	for kind := range pricing.Kinds {
		kinds = append(kinds, kind.String())
	}
	require.Equal(t, closed["cost_kinds"], kinds)
}

// dotted are the constants of a file of this package whose value is a dotted name.
func dotted(t *testing.T, path string) map[string]string {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	require.NoError(t, err)
	found := map[string]string{}
	ast.Inspect(file, func(node ast.Node) bool {
		spec, isSpec := node.(*ast.ValueSpec)
		if !isSpec || len(spec.Values) != 1 {
			return true
		}
		if literal, isLiteral := spec.Values[0].(*ast.BasicLit); isLiteral {
			value, err := strconv.Unquote(literal.Value)
			require.NoError(t, err)
			if strings.Contains(value, ".") {
				found[spec.Names[0].Name] = value
			}
		}
		return true
	})
	return found
}

// upper writes CostAmount as COST_AMOUNT.
func upper(name string) string {
	var made strings.Builder
	for i, letter := range name {
		if i > 0 && unicode.IsUpper(letter) {
			made.WriteByte('_')
		}
		made.WriteRune(unicode.ToUpper(letter))
	}
	return made.String()
}
