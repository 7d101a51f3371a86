package genaicostprocessor

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/vectors"
)

// tests are the names of the tests and benchmarks of this package.
func tests(t *testing.T) []string {
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	var found []string
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, declared := range file.Decls {
			if function, ok := declared.(*ast.FuncDecl); ok {
				found = append(found, function.Name.Name)
			}
		}
	}
	return found
}

// sharedNames are the attributes that the Python side and the dashboards know.
func sharedNames(t *testing.T) []string {
	var read struct {
		Attributes []struct{ Name string }
	}
	vectors.Into(t, "tests/vectors/names.json", &read)
	var found []string
	for _, one := range read.Attributes {
		found = append(found, one.Name)
	}
	return found
}

// TestGeneratedFilesAreInStep runs mdatagen on a copy, and compares. It needs the generator's module, so it is skipped
// where that cannot be had.
func TestGeneratedFilesAreInStep(t *testing.T) {
	generator := filepath.Join(t.TempDir(), "mdatagen")
	build := exec.Command("go", "build", "-modfile=internal/tools/go.mod", "-o", generator,
		"go.opentelemetry.io/collector/cmd/mdatagen")
	if said, err := build.CombinedOutput(); err != nil {
		t.Skipf("mdatagen cannot be built here: %s", said)
	}
	copied := filepath.Join(t.TempDir(), "genaicostprocessor")
	require.NoError(t, os.Mkdir(copied, 0o700))
	for _, path := range []string{"metadata.yaml", "go.mod", "doc.go", "README.md"} {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		write(t, filepath.Join(copied, path), string(data))
	}
	run := exec.Command(generator, "metadata.yaml")
	run.Dir = copied
	said, err := run.CombinedOutput()
	require.NoError(t, err, string(said))
	compared := 0
	require.NoError(t, filepath.WalkDir(copied, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(copied, path)
		require.NoError(t, err)
		fresh, err := os.ReadFile(path)
		require.NoError(t, err)
		kept, err := os.ReadFile(relative)
		require.NoError(t, err)
		require.Equal(t, string(fresh), string(kept), relative+": run go generate ./...")
		compared++
		return nil
	}))
	require.GreaterOrEqual(t, compared, 9)
}
