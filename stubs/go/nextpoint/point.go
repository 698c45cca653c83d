package nextpoint

import (
	"fmt"

	nextpointv1 "github.com/nextpoint/nextpoint/stubs/go/nextpoint/v1"
)

// Suggestion is a point that was handed out. Its other fields are those of the contract.
type Suggestion struct {
	*nextpointv1.Suggestion
	Assignments Assignments
}

func newSuggestion(message *nextpointv1.Suggestion) *Suggestion {
	return &Suggestion{message, message.GetAssignments()}
}

// Assignments is one value for each parameter, by name. Every map of the contract's converts to it,
// and it to them.
//
// Its getters panic where there is no such parameter of that kind: that is a mistake in the program
// and says nothing about the point.
type Assignments map[string]*nextpointv1.ParameterValue

// Double returns the value of a parameter of type double.
func (a Assignments) Double(name string) float64 {
	kind, ok := a[name].GetKind().(*nextpointv1.ParameterValue_DoubleValue)
	a.check(ok, "double", name)
	return kind.DoubleValue
}

// Int returns the value of a parameter of type int.
func (a Assignments) Int(name string) int64 {
	kind, ok := a[name].GetKind().(*nextpointv1.ParameterValue_IntValue)
	a.check(ok, "int", name)
	return kind.IntValue
}

// Categorical returns the value of a parameter of type categorical.
func (a Assignments) Categorical(name string) string {
	kind, ok := a[name].GetKind().(*nextpointv1.ParameterValue_StringValue)
	a.check(ok, "categorical", name)
	return kind.StringValue
}

// Bool returns the value of a parameter of type bool.
func (a Assignments) Bool(name string) bool {
	kind, ok := a[name].GetKind().(*nextpointv1.ParameterValue_BoolValue)
	a.check(ok, "bool", name)
	return kind.BoolValue
}

// Map returns the values as float64, int64, string and bool.
func (a Assignments) Map() map[string]any {
	values := make(map[string]any, len(a))
	for name, value := range a {
		switch value.GetKind().(type) {
		case *nextpointv1.ParameterValue_DoubleValue:
			values[name] = value.GetDoubleValue()
		case *nextpointv1.ParameterValue_IntValue:
			values[name] = value.GetIntValue()
		case *nextpointv1.ParameterValue_StringValue:
			values[name] = value.GetStringValue()
		case *nextpointv1.ParameterValue_BoolValue:
			values[name] = value.GetBoolValue()
		}
	}
	return values
}

func (a Assignments) check(ok bool, kind, name string) {
	if !ok {
		panic(fmt.Sprintf("nextpoint: no %s parameter %q in %v", kind, name, a.Map()))
	}
}

// Double returns the value of a parameter of type double.
func Double(value float64) *nextpointv1.ParameterValue {
	return &nextpointv1.ParameterValue{Kind: &nextpointv1.ParameterValue_DoubleValue{DoubleValue: value}}
}

// Int returns the value of a parameter of type int.
func Int(value int64) *nextpointv1.ParameterValue {
	return &nextpointv1.ParameterValue{Kind: &nextpointv1.ParameterValue_IntValue{IntValue: value}}
}

// Categorical returns the value of a parameter of type categorical.
func Categorical(value string) *nextpointv1.ParameterValue {
	return &nextpointv1.ParameterValue{Kind: &nextpointv1.ParameterValue_StringValue{StringValue: value}}
}

// Bool returns the value of a parameter of type bool.
func Bool(value bool) *nextpointv1.ParameterValue {
	return &nextpointv1.ParameterValue{Kind: &nextpointv1.ParameterValue_BoolValue{BoolValue: value}}
}

// Values is what an evaluation measured: one for every metric of the experiment.
type Values []*nextpointv1.MetricValue

// Value returns the value of a metric.
func Value(metric string, value float64) *nextpointv1.MetricValue {
	return &nextpointv1.MetricValue{Name: metric, Value: &value}
}

// Noisy returns the value of a metric whose standard deviation is known.
func Noisy(metric string, value, stddev float64) *nextpointv1.MetricValue {
	return &nextpointv1.MetricValue{Name: metric, Value: &value, ValueStddev: &stddev}
}
