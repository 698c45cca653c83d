package nextpoint

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	nextpointv1 "github.com/nextpoint/nextpoint/stubs/go/nextpoint/v1"
)

// How long the first event may take, which says how long the next ones may.
const openingTimeout = 30 * time.Second

// How long a call may take for which somebody waits who wants to end.
const grace = 5 * time.Second

// errSilence breaks off a stream on which nothing was heard for too long.
var errSilence = &Error{Code: codes.Unavailable, Message: "nothing heard on the stream"}

// NewWorkerID returns an id that no other worker has, and that says where this one runs.
func NewWorkerID() string {
	host, err := os.Hostname()
	if err != nil {
		host = "worker"
	}
	return fmt.Sprintf("%.50s-%d-%.8s", host, os.Getpid(), rand.Text())
}

// Stream receives the suggestions to one worker, over breaks, beside its caller: a break is noticed
// and mended while an evaluation runs, and the leases live.
//
//	for suggestion := range stream.Suggestions() {
//		…
//	}
//	if err := stream.Err(); err != nil {
//		…
//	}
type Stream struct {
	client  *Client
	request *nextpointv1.StreamSuggestionsRequest
	// claim says whether a suggestion that was not seen before is wanted.
	claim func(*Suggestion) bool

	cancel      context.CancelFunc
	suggestions chan *Suggestion
	// Closed when nothing more comes. What is below is written before, and read afterwards.
	ended  chan struct{}
	lease  time.Duration
	reason nextpointv1.StreamClosedReason
	err    error
}

// Stream opens the stream of suggestions to a worker. It ends when the service says that there is no
// more to do, when ctx ends, or with an error.
//
// The request, which is copied, needs an ExperimentId and a WorkerId: one of NewWorkerID, or one that
// keeps what the worker holds when the program starts anew. No two workers of an experiment may share
// one. MaxOutstanding is how many suggestions the worker gets that it has not reported yet, from 1 to
// 1000; 0 means 1.
func (c *Client) Stream(
	ctx context.Context, request *nextpointv1.StreamSuggestionsRequest,
) *Stream {
	return c.stream(ctx, request, func(*Suggestion) bool { return true })
}

func (c *Client) stream(
	ctx context.Context, request *nextpointv1.StreamSuggestionsRequest, claim func(*Suggestion) bool,
) *Stream {
	ctx, cancel := context.WithCancel(ctx)
	stream := &Stream{
		client:      c,
		request:     proto.CloneOf(request),
		claim:       claim,
		cancel:      cancel,
		suggestions: make(chan *Suggestion, max(1, request.GetMaxOutstanding())),
		ended:       make(chan struct{}),
		lease:       defaultLease,
	}
	go stream.run(ctx)
	return stream
}

// Suggestions returns the channel of what is received. It is closed when the stream has ended.
func (s *Stream) Suggestions() <-chan *Suggestion { return s.suggestions }

// Reason returns why the service says that there is no more to do, once Suggestions is closed.
func (s *Stream) Reason() nextpointv1.StreamClosedReason { return s.reason }

// Err returns why the stream ended before its time, once Suggestions is closed.
func (s *Stream) Err() error { return s.err }

// Close ends the stream and gives back what was received and not taken, unless the worker was
// replaced. What was taken stays with the worker until it is reported, is given back, or its lease
// runs out.
func (s *Stream) Close() {
	s.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	for suggestion := range s.suggestions {
		if s.replaced() {
			continue
		}
		s.client.release(ctx, suggestion.GetSuggestionId(), suggestion.GetAttempt())
	}
}

// handOut is what the service hands out once.
type handOut struct {
	suggestionID string
	attempt      int32
}

// replaced waits for the end of the stream, and says whether another one has the worker's id, and
// with it what this one held: under the same attempts, so that who gives it back takes it away there.
func (s *Stream) replaced() bool {
	<-s.ended
	return Reason(s.err) == workerReplaced
}

// cancelled says whether the stream ended from this side, once it has ended.
func (s *Stream) cancelled() bool {
	return s.err == context.Canceled || s.err == context.DeadlineExceeded
}

func (s *Stream) run(ctx context.Context) {
	defer s.cancel()
	defer close(s.ended)
	defer close(s.suggestions)
	seen := make(map[handOut]bool)
	var retry retries
	for answered := false; ; {
		err := s.receive(ctx, seen, func() {
			answered = true
			retry = retries{}
		})
		// Who asks to wait is there.
		answered = answered || retryAfter(err) > 0
		switch {
		case err == nil:
			return
		case Reason(err) == workerReplaced:
			s.err = err
			return
		case ctx.Err() != nil:
			s.err = ctx.Err()
			return
		// A service that never answered is somewhere else, and its user wants to know.
		case !answered || !s.client.isAway(err):
			s.err = err
			return
		}
		delay, more := retry.next(err)
		if !more {
			s.err = err
			return
		}
		slog.WarnContext(ctx, "nextpoint: stream broke off, opening it anew", "error", err)
		sleep(ctx, delay)
	}
}

// receive opens the stream once. It returns nil when there is no more to do.
func (s *Stream) receive(ctx context.Context, seen map[handOut]bool, opened func()) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := openingTimeout
	watchdog := time.AfterFunc(silence, func() { cancel(errSilence) })
	defer watchdog.Stop()

	call, err := s.client.Suggestions.StreamSuggestions(ctx, s.request)
	for err == nil {
		var event *nextpointv1.StreamSuggestionsResponse
		watchdog.Reset(silence)
		event, err = call.Recv()
		// Nobody is silent while the caller takes their time.
		watchdog.Stop()
		switch event := event.GetEvent().(type) {
		case *nextpointv1.StreamSuggestionsResponse_Opened:
			opened()
			if interval := event.Opened.GetHeartbeatInterval().AsDuration(); interval > 0 {
				silence = 2 * interval
			}
			if lease := event.Opened.GetLeaseDuration().AsDuration(); lease > 0 {
				s.lease = lease
			}
		case *nextpointv1.StreamSuggestionsResponse_Assigned:
			err = s.assign(ctx, newSuggestion(event.Assigned.GetSuggestion()), seen)
		case *nextpointv1.StreamSuggestionsResponse_Closed:
			s.reason = event.Closed.GetReason()
			return nil
		}
	}
	switch {
	case context.Cause(ctx) == errSilence:
		return errSilence
	case err == io.EOF:
		return &Error{Code: codes.Unavailable, Message: "the stream ended without saying why"}
	}
	return err
}

func (s *Stream) assign(ctx context.Context, suggestion *Suggestion, seen map[handOut]bool) error {
	this := handOut{suggestion.GetSuggestionId(), suggestion.GetAttempt()}
	if seen[this] {
		return nil
	}
	seen[this] = true
	if !s.claim(suggestion) {
		return nil
	}
	select {
	case s.suggestions <- suggestion:
		return nil
	default:
		// Whoever sent it sent more than it was asked for.
	}
	select {
	case s.suggestions <- suggestion:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// release gives a suggestion back within the context where that is possible. One whose lease is lost
// is another worker's already, and every other lease runs out.
func (c *Client) release(ctx context.Context, suggestionID string, attempt int32) {
	_, err := c.Suggestions.ReleaseSuggestion(ctx, &nextpointv1.ReleaseSuggestionRequest{
		SuggestionId: suggestionID, Attempt: attempt,
	})
	if err != nil {
		slog.Debug("nextpoint: not given back", "suggestion", suggestionID, "error", err)
	}
}
