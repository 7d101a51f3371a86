// Package vectors opens the files that this module shares with the Python side of the repository. Tests alone import it.
// Where the module stands alone, without the repository around it, such a test is skipped.
//
// The files lie outside the module, where go does not look for changes before it says "(cached)": after a change of one
// of them, run the tests with -count=1.
package vectors

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Read is the content of a file, by its path from the root of the repository: tests/vectors/names.json.
func Read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(Path(t, path))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Into reads a file of JSON into what target points to.
func Into(t testing.TB, path string, target any) {
	t.Helper()
	if err := json.Unmarshal(Read(t, path), target); err != nil {
		t.Fatalf("%s: %s", path, err)
	}
}

// Files are the paths of the files that match a pattern from the root of the repository, one at least.
func Files(t testing.TB, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(Path(t, pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatalf("no file is %s", pattern)
	}
	return found
}

// Path is a path in the repository. The test is skipped where there is no repository: a file that is missing in it is
// a fault.
func Path(t testing.TB, path string) string {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(here), "..", "..", "..", "..")
	if _, err := os.Stat(filepath.Join(root, "tests", "vectors")); err != nil {
		t.Skipf("%s is not there: this module stands alone", path)
	}
	return filepath.Join(root, filepath.FromSlash(path))
}
