// Command conformance plays the scenario that every language plays, and prints the transcript.
//
//	conformance HOST:PORT SCENARIO.json
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/nextpoint/nextpoint/stubs/go/nextpoint"
	nextpointv1 "github.com/nextpoint/nextpoint/stubs/go/nextpoint/v1"
)

// A service that hangs fails the run.
const timeout = 5 * time.Minute

type object = map[string]any

type scenario struct {
	Experiment definition
	Refused    []definition
	Points     []struct {
		Assignments assignments
		// Nil where the evaluation fails.
		Values map[string]float64
	}
	Batch []struct {
		Assignments assignments
		Values      []measurement
		Failed      bool
	}
	Correction []measurement
	Update     struct {
		Name string
		Tags []string
	}
}

type measurement struct {
	Name        string
	Value       float64
	ValueStddev *float64
}

// definition is an experiment in the JSON of protobuf.
type definition struct {
	nextpointv1.CreateExperimentRequest
}

func (d *definition) UnmarshalJSON(data []byte) error {
	return protojson.Unmarshal(data, &d.CreateExperimentRequest)
}

// assignments is a point in the JSON of protobuf.
type assignments nextpoint.Assignments

func (a *assignments) UnmarshalJSON(data []byte) error {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(data, &values); err != nil {
		return err
	}
	*a = make(assignments, len(values))
	for name, value := range values {
		(*a)[name] = &nextpointv1.ParameterValue{}
		if err := protojson.Unmarshal(value, (*a)[name]); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: conformance HOST:PORT SCENARIO.json")
	}
	transcript, err := play(os.Args[1], os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(transcript); err != nil {
		log.Fatal(err)
	}
}

func play(address, path string) (object, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var script scenario
	if err := json.Unmarshal(text, &script); err != nil {
		return nil, err
	}
	client, err := nextpoint.NewClient(address)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()

	response, err := client.Experiments.CreateExperiment(ctx, &script.Experiment.CreateExperimentRequest)
	if err != nil {
		return nil, err
	}
	player := &player{client, &script, response.GetExperiment().GetExperimentId()}
	transcript := object{"created": described(response.GetExperiment())}
	for _, part := range []struct {
		name string
		play func(context.Context) (any, error)
	}{
		{"refused", player.refused},
		{"stream", player.streamed},
		{"batch", player.batched},
		{"updated", player.updated},
		{"progress", player.progressed},
		{"best", player.best},
		{"archived", player.archived},
	} {
		if transcript[part.name], err = part.play(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return transcript, nil
}

func described(experiment *nextpointv1.Experiment) object {
	parameters := []string{}
	for _, each := range experiment.GetParameters() {
		parameters = append(parameters, each.GetName())
	}
	metrics := []string{}
	for _, each := range experiment.GetMetrics() {
		metrics = append(metrics, each.GetName())
	}
	metadata := object{}
	for name, value := range experiment.GetMetadata() {
		switch kind := value.GetKind().(type) {
		case *nextpointv1.MetadataValue_StringValue:
			metadata[name] = kind.StringValue
		case *nextpointv1.MetadataValue_NumberValue:
			metadata[name] = kind.NumberValue
		}
	}
	return object{
		"name":       experiment.GetName(),
		"project":    experiment.GetProject(),
		"parameters": parameters,
		"metrics":    metrics,
		"budget":     experiment.GetBudget(),
		"tags":       experiment.GetTags(),
		"metadata":   metadata,
		"grid":       experiment.GetParameters()[2].GetGrid(),
		"state":      word(experiment.GetState()),
	}
}

func word(state nextpointv1.ExperimentState) string {
	return strings.ToLower(strings.TrimPrefix(state.String(), "EXPERIMENT_STATE_"))
}

// player plays the parts of the scenario on one experiment.
type player struct {
	*nextpoint.Client
	script       *scenario
	experimentID string
}

func (p *player) refused(ctx context.Context) (any, error) {
	refusals := []object{}
	for i := range p.script.Refused {
		_, err := p.Experiments.CreateExperiment(ctx, &p.script.Refused[i].CreateExperimentRequest)
		var refusal *nextpoint.Error
		if !errors.As(err, &refusal) {
			return nil, fmt.Errorf("definition %d was not refused: %w", i, err)
		}
		fields := []string{}
		for _, violation := range refusal.Violations {
			fields = append(fields, violation.Field)
		}
		slices.Sort(fields)
		refusals = append(refusals, object{"reason": refusal.Reason, "fields": fields})
	}
	return refusals, nil
}

// streamed queues the points and evaluates them with two workers, of which one drops its stream
// once.
func (p *player) streamed(ctx context.Context) (any, error) {
	measured := map[float64]nextpoint.Values{}
	for _, point := range p.script.Points {
		_, err := p.Suggestions.QueueSuggestion(ctx, &nextpointv1.QueueSuggestionRequest{
			ExperimentId: p.experimentID, Assignments: point.Assignments,
		})
		if err != nil {
			return nil, err
		}
		var values nextpoint.Values
		for metric, value := range point.Values {
			values = append(values, nextpoint.Value(metric, value))
		}
		measured[nextpoint.Assignments(point.Assignments).Double("x")] = values
	}

	// Before the other worker begins, which might leave nothing.
	dropped := p.Stream(ctx, &nextpointv1.StreamSuggestionsRequest{
		ExperimentId: p.experimentID, WorkerId: "worker-2",
	})
	first, ok := <-dropped.Suggestions()
	if !ok {
		return nil, fmt.Errorf("nothing came: %w", dropped.Err())
	}
	dropped.Close()

	var (
		mu        sync.Mutex
		evaluated []float64
		resumed   []bool
		workers   sync.WaitGroup
		errs      [2]error
	)
	for i, id := range []string{"worker-1", "worker-2"} {
		worker := nextpoint.Worker{
			Client:       p.Client,
			ExperimentID: p.experimentID,
			ID:           id,
			Evaluate: func(_ context.Context, suggestion *nextpoint.Suggestion) (nextpoint.Values, error) {
				mu.Lock()
				defer mu.Unlock()
				if id == "worker-2" && len(resumed) == 0 {
					resumed = append(resumed,
						suggestion.GetSuggestionId() == first.GetSuggestionId() &&
							suggestion.GetAttempt() == first.GetAttempt())
				}
				x := suggestion.Assignments.Double("x")
				evaluated = append(evaluated, x)
				if measured[x] == nil {
					return nil, errors.New("the scenario says so")
				}
				return measured[x], nil
			},
		}
		workers.Go(func() { _, errs[i] = worker.Run(ctx) })
	}
	workers.Wait()
	slices.Sort(evaluated)
	return object{"evaluated": evaluated, "resumed": resumed}, errors.Join(errs[:]...)
}

func (p *player) batched(ctx context.Context) (any, error) {
	request := &nextpointv1.BatchCreateObservationsRequest{ExperimentId: p.experimentID}
	for _, each := range p.script.Batch {
		request.Observations = append(request.Observations, &nextpointv1.NewObservation{
			Assignments: each.Assignments, Values: valuesOf(each.Values), Failed: each.Failed,
		})
	}
	batch, err := p.Observations.BatchCreateObservations(ctx, request)
	if err != nil {
		return nil, err
	}
	correction, err := p.Observations.UpdateObservation(ctx, &nextpointv1.UpdateObservationRequest{
		ObservationId: batch.GetObservations()[0].GetObservationId(),
		Values:        valuesOf(p.script.Correction),
	})
	if err != nil {
		return nil, err
	}
	outside, failed, stddevs := []bool{}, []bool{}, []object{}
	for _, each := range batch.GetObservations() {
		outside = append(outside, each.GetOutside())
		failed = append(failed, each.GetFailed())
		stddevs = append(stddevs, stddevsOf(each))
	}
	corrected := correction.GetObservation()
	return object{
		"outside":   outside,
		"failed":    failed,
		"stddevs":   stddevs,
		"corrected": object{"values": meansOf(corrected), "stddevs": stddevsOf(corrected)},
	}, nil
}

func valuesOf(measurements []measurement) nextpoint.Values {
	var values nextpoint.Values
	for _, each := range measurements {
		value := nextpoint.Value(each.Name, each.Value)
		value.ValueStddev = each.ValueStddev
		values = append(values, value)
	}
	return values
}

func meansOf(observation *nextpointv1.Observation) object {
	means := object{}
	for _, each := range observation.GetValues() {
		means[each.GetName()] = each.GetValue()
	}
	return means
}

func stddevsOf(observation *nextpointv1.Observation) object {
	stddevs := object{}
	for _, each := range observation.GetValues() {
		if each.ValueStddev != nil {
			stddevs[each.GetName()] = each.GetValueStddev()
		}
	}
	return stddevs
}

func (p *player) updated(ctx context.Context) (any, error) {
	response, err := p.Experiments.UpdateExperiment(ctx, &nextpointv1.UpdateExperimentRequest{
		ExperimentId: p.experimentID, Name: p.script.Update.Name, Tags: p.script.Update.Tags,
	})
	return object{
		"name": response.GetExperiment().GetName(),
		"tags": response.GetExperiment().GetTags(),
	}, err
}

func (p *player) progressed(ctx context.Context) (any, error) {
	response, err := p.Experiments.GetExperiment(ctx, &nextpointv1.GetExperimentRequest{
		ExperimentId: p.experimentID,
	})
	progress := response.GetExperiment().GetProgress()
	return object{
		"observations": progress.GetObservationCount(),
		"failed":       progress.GetFailedObservationCount(),
		"open":         progress.GetOpenSuggestionCount(),
		"remaining":    progress.RemainingBudget,
		"finished":     progress.GetFinished(),
	}, err
}

func (p *player) best(ctx context.Context) (any, error) {
	found := []object{}
	request := &nextpointv1.ListBestAssignmentsRequest{ExperimentId: p.experimentID}
	for {
		page, err := p.Analysis.ListBestAssignments(ctx, request)
		if err != nil {
			return nil, err
		}
		for _, each := range page.GetBestAssignments() {
			observation := each.GetObservation()
			found = append(found, object{
				"assignments": nextpoint.Assignments(observation.GetAssignments()).Map(),
				"values":      meansOf(observation),
			})
		}
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			return found, nil
		}
	}
}

func (p *player) archived(ctx context.Context) (any, error) {
	response, err := p.Experiments.ArchiveExperiment(ctx, &nextpointv1.ArchiveExperimentRequest{
		ExperimentId: p.experimentID,
	})
	if err != nil {
		return nil, err
	}
	_, _, err = p.Hold(ctx, &nextpointv1.CreateSuggestionRequest{ExperimentId: p.experimentID})
	return object{
		"state":  word(response.GetExperiment().GetState()),
		"reason": nextpoint.Reason(err),
	}, nil
}
