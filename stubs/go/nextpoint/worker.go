package nextpoint

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	nextpointv1 "github.com/nextpoint/nextpoint/stubs/go/nextpoint/v1"
)

// How many evaluations may fail in a row unless the worker says otherwise.
const defaultMaxFailures = 10

// How long reporting may still take once the worker is stopped.
const reportGrace = 5 * time.Second

// Worker evaluates the suggestions of one experiment.
type Worker struct {
	Client       *Client
	ExperimentID string
	// Evaluate measures one suggestion. An error is a failed observation, which the search learns
	// from; a value that is not finite is one as well.
	Evaluate func(ctx context.Context, suggestion *Suggestion) (Values, error)

	// ID is the worker's own, and no other's in the experiment. Empty means a new one.
	ID string
	// Concurrency is how many suggestions to evaluate at the same time. 0 means 1.
	Concurrency int
	// MaxFailures is how many evaluations in a row may fail before Run gives up. 0 means 10.
	MaxFailures int
}

// Run evaluates until the service says that there is no more to do, and returns why.
//
// A stream that breaks is opened anew, and outcomes are reported as soon as the service is back; Run
// gives up after five minutes without it, and at once where it never answered.
//
// When ctx ends, Run takes nothing more and waits for the evaluations that run, whose context has
// ended as well. It reports what they measured, gives back what they did not, and returns the error
// of ctx.
func (w *Worker) Run(ctx context.Context) (nextpointv1.StreamClosedReason, error) {
	id := w.ID
	if id == "" {
		id = NewWorkerID()
	}
	work := &work{Worker: w, held: make(map[string]int32)}
	concurrency := max(1, w.Concurrency)
	stream := w.Client.stream(ctx, w.ExperimentID, id, concurrency, work.claim)

	var evaluators sync.WaitGroup
	errs := make([]error, concurrency)
	for i := range concurrency {
		evaluators.Go(func() {
			// The others finish what they evaluate, and take nothing more.
			defer stream.cancel()
			errs[i] = work.evaluateAll(ctx, stream)
		})
	}
	evaluators.Wait()
	for range stream.Suggestions() {
		// What nobody took is held, too, and given back with the rest.
	}
	work.giveBack()
	if err := errors.Join(errs...); err != nil {
		return stream.Reason(), err
	}
	return stream.Reason(), stream.Err()
}

// work is one run of a worker.
type work struct {
	*Worker
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

func (w *work) evaluateAll(ctx context.Context, stream *Stream) error {
	for suggestion := range stream.Suggestions() {
		if ctx.Err() != nil {
			return nil
		}
		values, err := w.Evaluate(ctx, suggestion)
		if err == nil {
			err = checkFinite(values)
		}
		// It was told to stop, so this says nothing about the point.
		if err != nil && ctx.Err() != nil {
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

// report reports an outcome, however long the service is away: it may have cost hours.
func (w *work) report(ctx context.Context, request *nextpointv1.CreateObservationRequest) error {
	// A stop leaves some time to report what was measured.
	outliving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(reportGrace, cancel) })
	defer stop()

	var retry retries
	for {
		_, err := w.Client.Observations.CreateObservation(outliving, request)
		if err == nil || !w.Client.isAway(err) && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		delay, more := retry.next(err)
		if !more || !sleep(outliving, delay) {
			return err
		}
		slog.WarnContext(ctx, "nextpoint: outcome not reported, trying again", "error", err)
	}
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

func (w *work) giveBack() {
	// One deadline for all of them: who stops should not wait for a service that is away.
	ctx, cancel := context.WithTimeout(context.Background(), releaseTimeout)
	defer cancel()
	for suggestionID, attempt := range w.held {
		w.Client.release(ctx, suggestionID, attempt)
	}
}

func checkFinite(values Values) error {
	for _, each := range values {
		if math.IsNaN(each.GetValue()) || math.IsInf(each.GetValue(), 0) {
			return fmt.Errorf("the value of %q is %v", each.GetName(), each.GetValue())
		}
	}
	return nil
}
