package nextpoint_test

import (
	"context"
	"errors"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/nextpoint/nextpoint/stubs/go/nextpoint"
	nextpointv1 "github.com/nextpoint/nextpoint/stubs/go/nextpoint/v1"
)

var (
	budgetReached = nextpointv1.StreamClosedReason_STREAM_CLOSED_REASON_BUDGET_REACHED
	away          = status.Error(codes.Unavailable, "away")
)

// evaluation records what it is called with.
type evaluation struct {
	mu        sync.Mutex
	evaluated []string
}

func (e *evaluation) Evaluate(
	_ context.Context, suggestion *nextpoint.Suggestion,
) (nextpoint.Values, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.evaluated = append(e.evaluated, suggestion.GetSuggestionId())
	return nextpoint.Values{nextpoint.Value("m", suggestion.Assignments.Double("x"))}, nil
}

func TestBrokenStreamIsOpenedAnewAndWhatWasSeenIsIgnored(t *testing.T) {
	service := &fakeService{}
	service.scripts = []func(eventStream) error{
		func(stream eventStream) error {
			if err := errors.Join(open(stream), assign(stream, "sug_1", 1)); err != nil {
				return err
			}
			return away
		},
		// Refused before it worked, which is no reason to give up once it did.
		func(eventStream) error { return status.Error(codes.Canceled, "the server ends") },
		func(stream eventStream) error {
			err := errors.Join(open(stream), assign(stream, "sug_1", 1), assign(stream, "sug_2", 1))
			<-service.reported
			<-service.reported
			return errors.Join(err, finish(stream))
		},
	}
	var evaluation evaluation
	worker := nextpoint.Worker{Client: service.serve(t), ExperimentID: "exp_1", Evaluate: evaluation.Evaluate}

	reason, err := worker.Run(t.Context())
	if err != nil || reason != budgetReached {
		t.Fatalf("ended with %v, %v", reason, err)
	}
	if want := []string{"sug_1", "sug_2"}; !slices.Equal(evaluation.evaluated, want) {
		t.Errorf("evaluated %v, want %v", evaluation.evaluated, want)
	}
	for _, each := range service.opened {
		if id := each.GetWorkerId(); id == "" || id != service.opened[0].GetWorkerId() {
			t.Errorf("came back as %q", id)
		}
	}
}

func TestStreamIsAskedForWhatTheWorkerWantsEachTime(t *testing.T) {
	for _, wait := range []*durationpb.Duration{
		nil, durationpb.New(0), durationpb.New(1500 * time.Millisecond),
	} {
		service := &fakeService{scripts: []func(eventStream) error{
			func(stream eventStream) error { return errors.Join(open(stream), away) },
			func(stream eventStream) error { return errors.Join(open(stream), finish(stream)) },
		}}
		worker := nextpoint.Worker{
			Client:       service.serve(t),
			ExperimentID: "exp_1",
			ID:           "worker-1",
			Concurrency:  3,
			MaxWait:      wait,
		}

		if _, err := worker.Run(t.Context()); err != nil {
			t.Fatal(err)
		}

		want := &nextpointv1.StreamSuggestionsRequest{
			ExperimentId: "exp_1", WorkerId: "worker-1", MaxOutstanding: 3, MaxWait: wait,
		}
		if len(service.opened) != 2 {
			t.Errorf("opened %d streams", len(service.opened))
		}
		for _, each := range service.opened {
			if !proto.Equal(each, want) {
				t.Errorf("asked for %v, want %v", each, want)
			}
		}
	}
}

func TestStreamKeepsWhatItWasAskedFor(t *testing.T) {
	opened := make(chan struct{})
	changed := make(chan struct{})
	service := &fakeService{scripts: []func(eventStream) error{
		func(stream eventStream) error {
			close(opened)
			<-changed
			return errors.Join(open(stream), away)
		},
		func(stream eventStream) error { return errors.Join(open(stream), finish(stream)) },
	}}
	request := streamOf(1)
	stream := service.serve(t).Stream(t.Context(), request)
	<-opened
	request.WorkerId = "another"
	close(changed)
	for range stream.Suggestions() {
	}
	for _, each := range service.opened {
		if each.GetWorkerId() != "worker" {
			t.Errorf("came as %q", each.GetWorkerId())
		}
	}
	if len(service.opened) != 2 {
		t.Errorf("opened %d streams", len(service.opened))
	}
}

func TestSilentStreamIsOpenedAnew(t *testing.T) {
	service := &fakeService{scripts: []func(eventStream) error{
		func(stream eventStream) error {
			return errors.Join(openWith(stream, 50*time.Millisecond), hang(stream))
		},
		func(stream eventStream) error { return errors.Join(open(stream), finish(stream)) },
	}}
	worker := nextpoint.Worker{Client: service.serve(t), ExperimentID: "exp_1"}

	if reason, err := worker.Run(t.Context()); err != nil || reason != budgetReached {
		t.Errorf("ended with %v, %v", reason, err)
	}
}

// hole is a connection that swallows what is sent on it once it is dead.
type hole struct {
	net.Conn
	dead <-chan struct{}
}

func (h hole) Write(bytes []byte) (int, error) {
	select {
	case <-h.dead:
		return len(bytes), nil
	default:
		return h.Conn.Write(bytes)
	}
}

func TestConnectionThatDiesWithoutAWordIsReplaced(t *testing.T) {
	dead := make(chan struct{})
	var first sync.Once
	service := &fakeService{wrap: func(connection net.Conn) net.Conn {
		first.Do(func() { connection = hole{connection, dead} })
		return connection
	}}
	service.scripts = []func(eventStream) error{
		func(stream eventStream) error {
			err := open(stream)
			close(dead)
			return errors.Join(err, hang(stream))
		},
		func(stream eventStream) error { return errors.Join(open(stream), finish(stream)) },
	}
	// Not less than the 10 seconds that gRPC makes of it.
	undo := nextpoint.PingSooner(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: time.Second})
	worker := nextpoint.Worker{Client: service.serve(t), ExperimentID: "exp_1"}
	undo()
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()

	if reason, err := worker.Run(ctx); err != nil || reason != budgetReached {
		t.Errorf("ended with %v, %v", reason, err)
	}
}

func TestStreamThatAnOverloadedServiceRefusesIsOpenedWhenItSays(t *testing.T) {
	wait := 300 * time.Millisecond
	service := &fakeService{scripts: []func(eventStream) error{
		func(eventStream) error { return overloaded(wait) },
		func(stream eventStream) error { return errors.Join(open(stream), finish(stream)) },
	}}
	worker := nextpoint.Worker{Client: service.serve(t), ExperimentID: "exp_1"}

	begun := time.Now()
	if reason, err := worker.Run(t.Context()); err != nil || reason != budgetReached {
		t.Errorf("ended with %v, %v", reason, err)
	}
	if took := time.Since(begun); took < wait {
		t.Errorf("came back after %v", took)
	}
}

func TestReplacedWorkerDoesNotComeBack(t *testing.T) {
	service := &fakeService{scripts: []func(eventStream) error{
		func(stream eventStream) error {
			if err := errors.Join(open(stream), assign(stream, "sug_1", 1)); err != nil {
				return err
			}
			return refusal(codes.Aborted, "WORKER_REPLACED")
		},
	}}
	var evaluation evaluation
	worker := nextpoint.Worker{Client: service.serve(t), ExperimentID: "exp_1", Evaluate: evaluation.Evaluate}

	if _, err := worker.Run(t.Context()); nextpoint.Reason(err) != "WORKER_REPLACED" {
		t.Errorf("ended with %v", err)
	}
	if len(service.opened) != 1 {
		t.Errorf("opened %d streams, want 1", len(service.opened))
	}
	if len(service.reports) != 1 {
		t.Errorf("reported %d outcomes, want that of what it had", len(service.reports))
	}
}

// receiver is a stream whose events a function receives.
type receiver struct {
	grpc.ClientStream
	receive func(stream grpc.ClientStream, event any) error
}

func (r receiver) RecvMsg(event any) error { return r.receive(r.ClientStream, event) }

func receiveBy(receive func(stream grpc.ClientStream, event any) error) grpc.DialOption {
	return grpc.WithChainStreamInterceptor(func(
		ctx context.Context, description *grpc.StreamDesc, connection *grpc.ClientConn, method string,
		open grpc.Streamer, options ...grpc.CallOption,
	) (grpc.ClientStream, error) {
		stream, err := open(ctx, description, connection, method, options...)
		return receiver{stream, receive}, err
	})
}

// onEnd tells of the end of a stream.
func onEnd(end func()) grpc.DialOption {
	return receiveBy(func(stream grpc.ClientStream, event any) error {
		err := stream.RecvMsg(event)
		if err != nil {
			end()
		}
		return err
	})
}

// onNext tells that a client wants the next event after so many, to which it has seen.
func onNext(count int, next func()) grpc.DialOption {
	return receiveBy(func(stream grpc.ClientStream, event any) error {
		if count == 0 {
			next()
		}
		count--
		return stream.RecvMsg(event)
	})
}

func TestReplacedWorkerThatIsStoppedGivesNothingBack(t *testing.T) {
	evaluating := make(chan struct{})
	service := &fakeService{scripts: []func(eventStream) error{func(stream eventStream) error {
		err := errors.Join(open(stream), assign(stream, "sug_1", 1), assign(stream, "sug_2", 1))
		<-evaluating
		return errors.Join(err, refusal(codes.Aborted, "WORKER_REPLACED"))
	}}}
	ctx, stop := context.WithCancel(t.Context())
	worker := nextpoint.Worker{
		Client:       service.serve(t, onEnd(stop)),
		ExperimentID: "exp_1",
		Evaluate: func(ctx context.Context, _ *nextpoint.Suggestion) (nextpoint.Values, error) {
			close(evaluating)
			<-ctx.Done()
			return nil, ctx.Err()
		},
	}

	if _, err := worker.Run(ctx); nextpoint.Reason(err) != "WORKER_REPLACED" {
		t.Errorf("ended with %v", err)
	}
	if len(service.released) != 0 || len(service.renewals) != 0 {
		t.Errorf("gave back %v and renewed %d times", service.released, len(service.renewals))
	}
}

func streamOf(maxOutstanding int32) *nextpointv1.StreamSuggestionsRequest {
	return &nextpointv1.StreamSuggestionsRequest{
		ExperimentId: "exp_1", WorkerId: "worker", MaxOutstanding: maxOutstanding,
	}
}

func TestReplacedStreamThatIsClosedGivesNothingBack(t *testing.T) {
	service := &fakeService{scripts: []func(eventStream) error{func(stream eventStream) error {
		return errors.Join(
			open(stream), assign(stream, "sug_1", 1), refusal(codes.Aborted, "WORKER_REPLACED"),
		)
	}}}
	ended := make(chan struct{})
	stream := service.serve(t, onEnd(func() { close(ended) })).Stream(t.Context(), streamOf(1))
	<-ended
	stream.Close()
	if len(service.released) != 0 {
		t.Errorf("gave back %v", service.released)
	}
}

func TestClosedClientEndsItsStreams(t *testing.T) {
	service := &fakeService{scripts: []func(eventStream) error{func(stream eventStream) error {
		return errors.Join(open(stream), assign(stream, "sug_1", 1), hang(stream))
	}}}
	client := service.serve(t)
	stream := client.Stream(t.Context(), streamOf(1))
	<-stream.Suggestions()
	client.Close()
	for range stream.Suggestions() {
	}
	if err := stream.Err(); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

func TestClosedStreamGivesBackWhatWasNotTaken(t *testing.T) {
	service := &fakeService{scripts: []func(eventStream) error{func(stream eventStream) error {
		return errors.Join(
			open(stream), assign(stream, "sug_1", 1), assign(stream, "sug_2", 1), hang(stream),
		)
	}}}
	stream := service.serve(t).Stream(t.Context(), streamOf(2))
	<-stream.Suggestions()
	comesTrue(t, "the second suggestion did not come", func() bool {
		return len(stream.Suggestions()) > 0
	})
	stream.Close()
	if want := []string{"sug_2"}; !slices.Equal(service.released, want) {
		t.Errorf("gave back %v, want %v", service.released, want)
	}
}

func TestSuggestionHandedOutAnewWhileItIsEvaluatedIsNotEvaluatedTwice(t *testing.T) {
	service := &fakeService{}
	service.scripts = []func(eventStream) error{func(stream eventStream) error {
		err := errors.Join(open(stream), assign(stream, "sug_1", 1), assign(stream, "sug_1", 2))
		// What is sent first is received first, so both are known by the time of the third.
		err = errors.Join(err, assign(stream, "sug_2", 1))
		<-service.reported
		<-service.reported
		return errors.Join(err, finish(stream))
	}}
	var evaluation evaluation
	both := make(chan struct{})
	worker := nextpoint.Worker{
		Client:       service.serve(t),
		ExperimentID: "exp_1",
		Concurrency:  2,
		Evaluate: func(
			ctx context.Context, suggestion *nextpoint.Suggestion,
		) (nextpoint.Values, error) {
			if suggestion.GetSuggestionId() == "sug_2" {
				close(both)
			}
			<-both
			return evaluation.Evaluate(ctx, suggestion)
		},
	}

	if _, err := worker.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	slices.Sort(evaluation.evaluated)
	if want := []string{"sug_1", "sug_2"}; !slices.Equal(evaluation.evaluated, want) {
		t.Errorf("evaluated %v, want %v", evaluation.evaluated, want)
	}
}

func TestOutcomeIsReportedAgainWithTheSameRequestID(t *testing.T) {
	service := &fakeService{refusals: []error{
		away, status.Error(codes.DeadlineExceeded, "late"), overloaded(time.Millisecond),
	}}
	service.scripts = []func(eventStream) error{func(stream eventStream) error {
		err := errors.Join(open(stream), assign(stream, "sug_1", 1))
		<-service.reported
		return errors.Join(err, finish(stream))
	}}
	var evaluation evaluation
	worker := nextpoint.Worker{Client: service.serve(t), ExperimentID: "exp_1", Evaluate: evaluation.Evaluate}

	if _, err := worker.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(service.reports) != 4 {
		t.Errorf("reported %d times, want 4", len(service.reports))
	}
	for _, each := range service.reports {
		if id := each.GetRequestId(); id == "" || id != service.reports[0].GetRequestId() {
			t.Errorf("reported with the request id %q", id)
		}
	}
}

func TestOutcomeForAnArchivedExperimentIsLostAndTheStreamSaysWhy(t *testing.T) {
	archived := nextpointv1.StreamClosedReason_STREAM_CLOSED_REASON_EXPERIMENT_ARCHIVED
	service := &fakeService{refusals: []error{
		refusal(codes.FailedPrecondition, "EXPERIMENT_ARCHIVED"),
	}}
	service.scripts = []func(eventStream) error{func(stream eventStream) error {
		err := errors.Join(open(stream), assign(stream, "sug_1", 1))
		comesTrue(t, "nothing was reported", func() bool {
			reports, _ := service.count()
			return reports == 1
		})
		return errors.Join(err, finishWith(stream, archived))
	}}
	var evaluation evaluation
	worker := nextpoint.Worker{Client: service.serve(t), ExperimentID: "exp_1", Evaluate: evaluation.Evaluate}

	if reason, err := worker.Run(t.Context()); err != nil || reason != archived {
		t.Errorf("ended with %v, %v", reason, err)
	}
	if reports, released := service.count(); reports != 1 || released != 0 {
		t.Errorf("reported %d times and gave back %d", reports, released)
	}
}

func TestNegativeSettingsAreErrors(t *testing.T) {
	service := &fakeService{}
	worker := nextpoint.Worker{
		Client: service.serve(t), ExperimentID: "exp_1", Concurrency: -1, MaxFailures: -2,
	}

	_, err := worker.Run(t.Context())
	for _, want := range []string{
		"Concurrency must not be negative, got -1", "MaxFailures must not be negative, got -2",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ended with %v, want %q", err, want)
		}
	}
	if len(service.opened) != 0 {
		t.Error("opened a stream")
	}
}

func TestErrorsAndWhatIsNoNumberAreFailedObservations(t *testing.T) {
	diverged := errors.New("diverged")
	outcomes := []func() (nextpoint.Values, error){
		measured(nextpoint.Value("m", math.NaN())),
		measured(nextpoint.Value("m", math.Inf(-1))),
		measured(nextpoint.Noisy("m", 1, math.NaN())),
		measured(nextpoint.Noisy("m", 1, math.Inf(1))),
		measured(nextpoint.Noisy("m", 1, -0.5)),
		func() (nextpoint.Values, error) { return nil, diverged },
	}
	service := &fakeService{}
	service.scripts = []func(eventStream) error{func(stream eventStream) error {
		err := open(stream)
		for i := range outcomes {
			err = errors.Join(err, assign(stream, strconv.Itoa(i), 1))
			<-service.reported
		}
		return errors.Join(err, finish(stream))
	}}
	worker := nextpoint.Worker{
		Client:       service.serve(t),
		ExperimentID: "exp_1",
		MaxFailures:  len(outcomes),
		Evaluate: func(
			_ context.Context, suggestion *nextpoint.Suggestion,
		) (nextpoint.Values, error) {
			i, err := strconv.Atoi(suggestion.GetSuggestionId())
			if err != nil {
				return nil, err
			}
			return outcomes[i]()
		},
	}

	if _, err := worker.Run(t.Context()); !errors.Is(err, diverged) {
		t.Errorf("ended with %v, want the last of too many failures", err)
	}
	if len(service.reports) != len(outcomes) {
		t.Errorf("reported %d outcomes, want %d", len(service.reports), len(outcomes))
	}
	for _, each := range service.reports {
		if !each.GetFailed() || len(each.GetValues()) != 0 {
			t.Errorf("reported %v", each)
		}
	}
}

func measured(value *nextpointv1.MetricValue) func() (nextpoint.Values, error) {
	return func() (nextpoint.Values, error) { return nextpoint.Values{value}, nil }
}

func TestStoppedWorkerReportsWhatWasMeasuredAndGivesBackTheRest(t *testing.T) {
	service := &fakeService{scripts: []func(eventStream) error{func(stream eventStream) error {
		return errors.Join(
			open(stream), assign(stream, "sug_1", 1), assign(stream, "sug_2", 1), hang(stream),
		)
	}}}
	ctx, stop := context.WithCancel(t.Context())
	var begun sync.WaitGroup
	begun.Add(2)
	worker := nextpoint.Worker{
		Client:       service.serve(t),
		ExperimentID: "exp_1",
		Concurrency:  2,
		Evaluate: func(
			ctx context.Context, suggestion *nextpoint.Suggestion,
		) (nextpoint.Values, error) {
			begun.Done()
			<-ctx.Done()
			if suggestion.GetSuggestionId() == "sug_2" {
				return nil, ctx.Err()
			}
			return nextpoint.Values{nextpoint.Value("m", 1)}, nil
		},
	}
	go func() {
		begun.Wait()
		stop()
	}()

	if _, err := worker.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	if len(service.reports) != 1 || service.reports[0].GetSuggestionId() != "sug_1" {
		t.Errorf("reported %v", service.reports)
	}
	if want := []string{"sug_2"}; !slices.Equal(service.released, want) {
		t.Errorf("gave back %v, want %v", service.released, want)
	}
}

func TestDrainedWorkerFinishesWhatItEvaluatesUnderItsLease(t *testing.T) {
	service := &fakeService{scripts: []func(eventStream) error{func(stream eventStream) error {
		return errors.Join(
			open(stream), assign(stream, "sug_1", 4), assign(stream, "sug_2", 1), hang(stream),
		)
	}}}
	drain := make(chan struct{})
	received := make(chan struct{})
	worker := nextpoint.Worker{
		Client:       service.serve(t, onNext(3, func() { close(received) })),
		ExperimentID: "exp_1",
		Drain:        drain,
		Evaluate: func(
			ctx context.Context, suggestion *nextpoint.Suggestion,
		) (nextpoint.Values, error) {
			<-received
			close(drain)
			comesTrue(t, "what was not begun was not given back at once", func() bool {
				_, released := service.count()
				return released == 1
			})
			// No stream renews it any more.
			comesTrue(t, "the lease was not renewed", func() bool { return len(service.renewals) >= 2 })
			if len(service.renewals) == 0 {
				return nil, nil
			}
			if held := (<-service.renewals).GetHandOuts(); len(held) != 1 || held[0].GetAttempt() != 4 {
				t.Errorf("renewed %v", held)
			}
			return nextpoint.Values{nextpoint.Value("m", 1)}, ctx.Err()
		},
	}

	reason, err := worker.Run(t.Context())
	if err != nil || reason != nextpointv1.StreamClosedReason_STREAM_CLOSED_REASON_UNSPECIFIED {
		t.Errorf("ended with %v, %v", reason, err)
	}
	if len(service.reports) != 1 || service.reports[0].GetSuggestionId() != "sug_1" ||
		service.reports[0].GetFailed() {
		t.Errorf("reported %v", service.reports)
	}
	if want := []string{"sug_2"}; !slices.Equal(service.released, want) {
		t.Errorf("gave back %v, want %v", service.released, want)
	}
}

func TestStoppedWhileTheServiceIsAwayItTriesAtOnceToReportWhatWasMeasured(t *testing.T) {
	service := &fakeService{refusals: []error{
		overloaded(time.Hour), overloaded(time.Millisecond),
	}}
	service.scripts = []func(eventStream) error{func(stream eventStream) error {
		return errors.Join(open(stream), assign(stream, "sug_1", 1), hang(stream))
	}}
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		comesTrue(t, "nothing was reported", func() bool {
			reports, _ := service.count()
			return reports == 1
		})
		stop()
	}()
	var evaluation evaluation
	worker := nextpoint.Worker{Client: service.serve(t), ExperimentID: "exp_1", Evaluate: evaluation.Evaluate}

	if _, err := worker.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	if reports, released := service.count(); reports != 3 || released != 0 {
		t.Errorf("reported %d times and gave back %d", reports, released)
	}
}

func TestStoppedWhileTheServiceStaysAwayItSaysSoAndEnds(t *testing.T) {
	t.Parallel()
	service := &fakeService{unanswered: make(chan struct{})}
	service.scripts = []func(eventStream) error{func(stream eventStream) error {
		return errors.Join(open(stream), assign(stream, "sug_1", 1), hang(stream))
	}}
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		<-service.unanswered
		stop()
	}()
	var evaluation evaluation
	worker := nextpoint.Worker{Client: service.serve(t), ExperimentID: "exp_1", Evaluate: evaluation.Evaluate}

	begun := time.Now()
	_, err := worker.Run(ctx)
	var failure *nextpoint.Error
	if !errors.As(err, &failure) {
		t.Errorf("ended with %v", err)
	}
	if took := time.Since(begun); took > 30*time.Second {
		t.Errorf("ended after %v", took)
	}
	if len(service.released) != 0 {
		t.Errorf("gave back %v, of which is not known whether it is observed", service.released)
	}
}
