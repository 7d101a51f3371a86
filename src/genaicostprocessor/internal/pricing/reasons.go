package pricing

import (
	_ "embed"
	"encoding/json"
	"sync"
)

// Why a call has no price, in words for a person. The twin of reasons.py.

// reasonsFile is a byte-equal copy of the Python package's file.
//
//go:embed data/reasons.json
var reasonsFile []byte

// Said is a reason in words for a person: the fault, and its remedy.
type Said struct {
	GivenBy string `json:"given_by"`
	Words   string `json:"words"`
	Remedy  string `json:"remedy"`
}

type reasonsData struct {
	Reasons   map[Reason]Said `json:"reasons"`
	Otherwise Said            `json:"otherwise"`
}

var readReasons = sync.OnceValue(func() reasonsData {
	var read reasonsData
	if err := json.Unmarshal(reasonsFile, &read); err != nil {
		panic("pricing: the embedded reasons cannot be read: " + err.Error())
	}
	return read
})

// Said is what the reason says, also of one that this build does not know.
func (r Reason) Said() Said {
	read := readReasons()
	if said, known := read.Reasons[r]; known {
		return said
	}
	return read.Otherwise
}
