package reading

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/names"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/reading/conventions"
)

// eventName is where older SDKs write the name of an event.
const eventName = "event.name"

// EventRow is the row that means a log record, nil for none. The record's name may stand in the field and in the attribute:
// Rust's bridge writes a place in the source into the field.
func EventRow(table *conventions.Table, scope string, record plog.LogRecord) *conventions.Row {
	if row := table.Records(record.EventName(), scope, record.Attributes()); row != nil {
		return row
	}
	return table.Records(nameIn(record.Attributes()), scope, record.Attributes())
}

// IsDetails says whether a log record is the event that carries the attributes of a call's span.
func IsDetails(record plog.LogRecord) bool {
	return record.EventName() == names.EventDetails || nameIn(record.Attributes()) == names.EventDetails
}

// IsNamed says whether a log record is an event at all.
func IsNamed(record plog.LogRecord) bool {
	return record.EventName() != "" || nameIn(record.Attributes()) != ""
}

func nameIn(attributes pcommon.Map) string {
	if value, there := attributes.Get(eventName); there && value.Type() == pcommon.ValueTypeStr {
		return value.Str()
	}
	return ""
}
