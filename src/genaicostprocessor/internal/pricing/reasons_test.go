package pricing

import (
	"bytes"
	"os"
	"regexp"
	"testing"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/vectors"
)

func TestTheReasonsAreTheOnesThatPythonReads(t *testing.T) {
	theirs := vectors.Read(t, "src/genmeter/pricing/data/reasons.json")
	if !bytes.Equal(theirs, reasonsFile) {
		t.Error("copy src/genmeter/pricing/data/reasons.json to internal/pricing/data")
	}
}

// TestTheAnswersArePythonsToTheLastBit shows that the book gives each of them.
func TestTheBookGivesTheReasonsOfTheFileAndNoOthers(t *testing.T) {
	source, err := os.ReadFile("types.go")
	if err != nil {
		t.Fatal(err)
	}
	given := map[Reason]bool{}
	for _, match := range regexp.MustCompile(`\w+ +Reason = "(\w+)"`).FindAllSubmatch(source, -1) {
		given[Reason(match[1])] = true
	}
	if len(given) != len(reasons) {
		t.Errorf("types.go declares %d reasons, the tests know %d", len(given), len(reasons))
	}
	for reason := range given {
		said, known := readReasons().Reasons[reason]
		if !known || said.GivenBy != "book" || said.Words == "" || said.Remedy == "" {
			t.Errorf("%s: reasons.json says %+v", reason, said)
		}
	}
	for reason, said := range readReasons().Reasons {
		if said.GivenBy == "book" && !given[reason] {
			t.Errorf("reasons.json has %s, which the book never gives", reason)
		}
	}
}

func TestAReasonOfALaterBuildHasWordsToo(t *testing.T) {
	if said := Reason("a_reason_of_next_year").Said(); said != readReasons().Otherwise || said.Words == "" {
		t.Errorf("%+v", said)
	}
}
