package nextpoint

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"sync"

	"google.golang.org/protobuf/types/known/durationpb"

	nextpointv1 "github.com/nextpoint/nextpoint/stubs/go/nextpoint/v1"
)

// How many evaluations may fail in a row unless the worker says otherwise.
const defaultMaxFailures = 10

const (
	experimentArchived = "EXPERIMENT_ARCHIVED"
	workerReplaced     = "WORKER_REPLACED"
)

// Worker evaluates the suggestions of one experiment.
type Worker struct {
	Client       *Client
	ExperimentID string
	// Evaluate measures one suggestion. An error is a failed observation, which the search learns
	// from; a value or standard deviation that is not finite, or a negative standard deviation, is
	// one as well.
	Evaluate func(ctx context.Context, suggestion *Suggestion) (Values, error)

	// ID is the worker's own, and no other's in the experiment. Empty means a new one.
	ID string
	// Concurrency is how many suggestions to evaluate at the same time, from 1 to 1000. 0 means 1.
	Concurrency int
	// MaxFailures is how many evaluations fail in a row when Run gives up. 0 means 10.
	MaxFailures int
	// MaxWait is how long a point that knows the newest observations is worth waiting for, up to an
	// hour. Nil means a tenth of what an evaluation takes.
	MaxWait *durationpb.Duration
	// Drain is closed, such as by the end of another context, to have Run take nothing more, finish
	// what it evaluates, however long that takes, and return. Nil means never.
	Drain <-chan struct{}
}

// Run evaluates until the service says that there is no more to do, and returns why; no reason and
// no error when it was drained.
//
// A stream that breaks is opened anew, and outcomes are reported as soon as the service is back; Run
// gives up after five minutes without it, and after several seconds where it never answered.
//
// When ctx ends, Run stops: it takes nothing more and waits for the evaluations that run, however
// long that takes; their context has ended as well. It gives back what they did not measure, still
// reports what they did, within 5 seconds, and returns the error of ctx, or why an outcome is not
// reported.
func (w *Worker) Run(ctx context.Context) (nextpointv1.StreamClosedReason, error) {
	if err := w.check(); err != nil {
		return nextpointv1.StreamClosedReason_STREAM_CLOSED_REASON_UNSPECIFIED, err
	}
	id := w.ID
	if id == "" {
		id = NewWorkerID()
	}
	work := &work{Worker: w, held: make(map[string]int32)}
	concurrency := max(1, w.Concurrency)
	stream := w.Client.stream(ctx, &nextpointv1.StreamSuggestionsRequest{
		ExperimentId:   w.ExperimentID,
		WorkerId:       id,
		MaxOutstanding: int32(concurrency),
		MaxWait:        w.MaxWait,
	}, work.claim)
	work.stream = stream

	evaluating, evaluated := context.WithCancel(context.WithoutCancel(ctx))
	var evaluators, keeper sync.WaitGroup
	keeper.Go(func() { work.keep(evaluating) })
	errs := make([]error, concurrency)
	for i := range concurrency {
		evaluators.Go(func() {
			// The others finish what they evaluate, and take nothing more.
			defer stream.cancel()
			errs[i] = work.evaluateAll(ctx)
		})
	}
	evaluators.Wait()
	evaluated()
	keeper.Wait()
	err := errors.Join(errs...)
	switch {
	case err != nil:
	case stream.cancelled():
		err = ctx.Err()
	default:
		err = stream.Err()
	}
	work.giveBack(slices.Collect(maps.Keys(work.held))...)
	return stream.Reason(), err
}

func (w *Worker) check() error {
	var errs []error
	if w.Concurrency < 0 {
		errs = append(errs, fmt.Errorf("nextpoint: Concurrency must not be negative, got %d", w.Concurrency))
	}
	if w.MaxFailures < 0 {
		errs = append(errs, fmt.Errorf("nextpoint: MaxFailures must not be negative, got %d", w.MaxFailures))
	}
	return errors.Join(errs...)
}

// work is one run of a worker.
type work struct {
	*Worker
	stream *Stream

	mu sync.Mutex
	// The newest attempt of each suggestion that is neither reported nor given back.
	held     map[string]int32
	failures int
}

// claim takes hold of a suggestion, unless it is handed out anew, after a long break, while it is
// held here.
func (w *work) claim(suggestion *Suggestion) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, again := w.held[suggestion.GetSuggestionId()]
	w.held[suggestion.GetSuggestionId()] = suggestion.GetAttempt()
	return !again
}

// keep ends the stream when the worker drains, and renews leases once no stream does.
func (w *work) keep(evaluating context.Context) {
	select {
	case <-w.Drain:
		w.stream.cancel()
	case <-w.stream.ended:
	}
	if w.stream.replaced() {
		return
	}
	if w.stream.cancelled() {
		var untaken []string
		for each := range w.stream.Suggestions() {
			untaken = append(untaken, each.GetSuggestionId())
		}
		w.giveBack(untaken...)
	}
	w.Client.renew(evaluating, 0, w.stream.lease, w.handOuts)
}

func (w *work) evaluateAll(ctx context.Context) error {
	for suggestion := range w.stream.Suggestions() {
		if ctx.Err() != nil {
			w.giveBack(suggestion.GetSuggestionId())
			return nil
		}
		values, err := w.Evaluate(ctx, suggestion)
		if err == nil {
			err = checkNumbers(values)
		}
		// It was told to stop, so this says nothing about the point.
		if err != nil && ctx.Err() != nil {
			w.giveBack(suggestion.GetSuggestionId())
			return nil
		}
		request := &nextpointv1.CreateObservationRequest{
			ExperimentId: w.ExperimentID,
			RequestId:    rand.Text(),
			SuggestionId: suggestion.GetSuggestionId(),
		}
		if err != nil {
			slog.WarnContext(
				ctx, "nextpoint: evaluation failed",
				"suggestion", suggestion.GetSuggestionId(), "error", err,
			)
			request.Failed = true
		} else {
			request.Values = values
		}
		if unreported := w.report(ctx, request); unreported != nil {
			return unreported
		}
		if enough := w.settle(suggestion, err); enough != nil {
			return enough
		}
	}
	return nil
}

// report reports an outcome, unless the experiment was archived meanwhile.
func (w *work) report(ctx context.Context, request *nextpointv1.CreateObservationRequest) error {
	err := w.reportPatiently(ctx, request)
	id := request.GetSuggestionId()
	if Reason(err) == experimentArchived {
		// The stream says so as well, and that is how this ends.
		slog.WarnContext(ctx, "nextpoint: outcome lost", "suggestion", id, "error", err)
		return nil
	}
	if err != nil {
		slog.WarnContext(ctx, "nextpoint: outcome not reported", "suggestion", id, "error", err)
	}
	return err
}

// reportPatiently reports an outcome, however long the service is away: it may have cost hours.
func (w *work) reportPatiently(
	ctx context.Context, request *nextpointv1.CreateObservationRequest,
) error {
	// Ends with ctx, and lets every call have a deadline of its own.
	attempting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()

	for retry := (retries{}); ctx.Err() == nil; {
		_, err := w.Client.Observations.CreateObservation(attempting, request)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			break
		}
		delay, more := retry.next(err)
		if !more || !w.Client.isAway(err) && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		slog.WarnContext(ctx, "nextpoint: outcome not reported, trying again", "error", err)
		sleep(ctx, delay)
	}
	return w.reportSoon(ctx, request)
}

// reportSoon reports for somebody who waits for the end.
func (w *work) reportSoon(ctx context.Context, request *nextpointv1.CreateObservationRequest) error {
	// Should it fail, nobody knows whether it arrived, so it is not given back either.
	w.forget(request.GetSuggestionId())
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	_, err := w.Client.Observations.CreateObservation(ctx, request)
	for retryAfter(err) > 0 && sleep(ctx, retryAfter(err)) {
		_, err = w.Client.Observations.CreateObservation(ctx, request)
	}
	return err
}

// settle ends the hold on a suggestion that is reported, and counts its failure.
func (w *work) settle(suggestion *Suggestion, failure error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.held, suggestion.GetSuggestionId())
	if failure == nil {
		w.failures = 0
		return nil
	}
	w.failures++
	limit := w.MaxFailures
	if limit == 0 {
		limit = defaultMaxFailures
	}
	if w.failures >= limit {
		return fmt.Errorf("nextpoint: %d evaluations in a row failed: %w", w.failures, failure)
	}
	return nil
}

// handOuts returns what is neither reported nor given back.
func (w *work) handOuts() (handOuts []*nextpointv1.HandOut) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for suggestionID, attempt := range w.held {
		handOuts = append(handOuts, &nextpointv1.HandOut{SuggestionId: suggestionID, Attempt: attempt})
	}
	return handOuts
}

// giveBack gives suggestions to the next worker. It is for a stream that ends, if it has not.
func (w *work) giveBack(suggestionIDs ...string) {
	if w.stream.replaced() {
		return
	}
	// One deadline for all of them: who stops should not wait for a service that is away.
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	for _, id := range suggestionIDs {
		w.Client.release(ctx, id, w.forget(id))
	}
}

// forget ends the hold on a suggestion, and returns its attempt.
func (w *work) forget(suggestionID string) int32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	attempt := w.held[suggestionID]
	delete(w.held, suggestionID)
	return attempt
}

func checkNumbers(values Values) error {
	for _, each := range values {
		if !isFinite(each.GetValue()) {
			return fmt.Errorf("the value of %q is %v", each.GetName(), each.GetValue())
		}
		if stddev := each.GetValueStddev(); !isFinite(stddev) || stddev < 0 {
			return fmt.Errorf("the standard deviation of %q is %v", each.GetName(), stddev)
		}
	}
	return nil
}

func isFinite(number float64) bool { return !math.IsNaN(number) && !math.IsInf(number, 0) }
