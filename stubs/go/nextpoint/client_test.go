package nextpoint_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/nextpoint/nextpoint/stubs/go/nextpoint"
	nextpointv1 "github.com/nextpoint/nextpoint/stubs/go/nextpoint/v1"
)

func TestErrorSaysWhichFieldsWereRefused(t *testing.T) {
	client := (&fakeService{}).serve(t)

	_, err := client.Experiments.CreateExperiment(
		t.Context(), &nextpointv1.CreateExperimentRequest{},
	)
	var refusal *nextpoint.Error
	if !errors.As(err, &refusal) {
		t.Fatalf("failed with %v", err)
	}
	want := []nextpoint.FieldViolation{
		{Field: "budget", Description: "must be at least 1"},
		{Field: "parameters[0].name", Description: "must not be empty"},
	}
	if !reflect.DeepEqual(refusal.Violations, want) {
		t.Errorf("violations %v, want %v", refusal.Violations, want)
	}
	if nextpoint.Reason(err) != "INVALID_REQUEST" || refusal.Metadata["experiment"] != "exp_1" {
		t.Errorf("got %+v", refusal)
	}
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("gRPC sees %v", status.Code(err))
	}
}

func TestServiceThatIsNotThereIsNamed(t *testing.T) {
	// Nobody listens on port 1, and without repetitions that is known at once.
	client, err := nextpoint.NewClient("127.0.0.1:1", grpc.WithDisableRetry())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()

	request := &nextpointv1.GetExperimentRequest{ExperimentId: "exp_1"}
	_, err = client.Experiments.GetExperiment(t.Context(), request)

	if err == nil || !strings.Contains(err.Error(), "cannot reach the service at 127.0.0.1:1 ") {
		t.Errorf("got %v", err)
	}
}

func TestChangeKeepsItsRequestIDWhenItIsMadeAgain(t *testing.T) {
	service := &fakeService{refusals: []error{away}}
	request := &nextpointv1.CreateObservationRequest{ExperimentId: "exp_1"}

	if _, err := service.serve(t).Observations.CreateObservation(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	first, second := service.reports[0].GetRequestId(), service.reports[1].GetRequestId()
	if first == "" || second != first {
		t.Errorf("made with the request ids %q and %q", first, second)
	}
	if request.GetRequestId() != "" {
		t.Error("the caller's request was changed, and would be the same change when used again")
	}
}

func TestDeadlineIsThatOfTheSharedConfigAndWhatACallMayWaitAndTheCallersOwn(t *testing.T) {
	var config struct {
		MethodConfig []struct{ Timeout string }
	}
	content, err := os.ReadFile("v1/service_config.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &config); err != nil {
		t.Fatal(err)
	}
	shared, err := time.ParseDuration(config.MethodConfig[0].Timeout)
	if err != nil {
		t.Fatal(err)
	}
	service := &fakeService{}
	client := service.serve(t)
	report := func(ctx context.Context) error {
		_, err := client.Observations.CreateObservation(ctx, &nextpointv1.CreateObservationRequest{})
		return err
	}
	ask := func(wait time.Duration) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := client.Suggestions.CreateSuggestion(ctx, &nextpointv1.CreateSuggestionRequest{
				MaxWait: durationpb.New(wait),
			})
			return err
		}
	}
	longer, cancel := context.WithTimeout(t.Context(), 2*shared)
	defer cancel()
	for _, each := range []struct {
		call func(context.Context) error
		ctx  context.Context
		want time.Duration
	}{
		{report, t.Context(), shared},
		{report, longer, 2 * shared},
		{ask(30 * time.Minute), t.Context(), shared + 30*time.Minute},
		{ask(math.MinInt64), t.Context(), shared},
		{ask(math.MaxInt64), t.Context(), shared + 24*time.Hour},
	} {
		if err := each.call(each.ctx); err != nil {
			t.Fatal(err)
		}
		if service.limit > each.want || service.limit < each.want-15*time.Second {
			t.Errorf("a call was given %v, want %v", service.limit, each.want)
		}
	}
}

func TestHeldLeaseIsRenewed(t *testing.T) {
	service := &fakeService{}
	client := service.serve(t)
	lease := 300 * time.Millisecond

	suggestion, letGo, err := client.Hold(t.Context(), &nextpointv1.CreateSuggestionRequest{
		ExperimentId: "exp_1", LeaseDuration: durationpb.New(lease),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer letGo()
	for range 2 {
		renewal := <-service.renewals
		if renewal.GetHandOuts()[0].GetSuggestionId() != suggestion.GetSuggestionId() {
			t.Errorf("renewed %v", renewal)
		}
		if renewal.GetLeaseDuration().AsDuration() != lease {
			t.Errorf("renewed for %v", renewal.GetLeaseDuration())
		}
	}
}

func TestAssignmentsOfAnotherKindAreAMistake(t *testing.T) {
	assignments := nextpoint.Assignments{
		"rate": nextpoint.Double(0.5), "layers": nextpoint.Int(3),
		"color": nextpoint.Categorical("red"), "bias": nextpoint.Bool(true),
	}
	want := map[string]any{"rate": 0.5, "layers": int64(3), "color": "red", "bias": true}
	if got := assignments.Map(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	defer func() {
		if recover() == nil {
			t.Error("an int was taken for a double")
		}
	}()
	assignments.Double("layers")
}
