package nextpoint_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/nextpoint/nextpoint/stubs/go/nextpoint"
	nextpointv1 "github.com/nextpoint/nextpoint/stubs/go/nextpoint/v1"
)

type eventStream = grpc.ServerStreamingServer[nextpointv1.StreamSuggestionsResponse]

// fakeService plays one script for each stream that is opened, the last one for all others, and
// records what it is told.
type fakeService struct {
	nextpointv1.UnimplementedExperimentServiceServer
	nextpointv1.UnimplementedObservationServiceServer
	nextpointv1.UnimplementedSuggestionServiceServer

	scripts []func(eventStream) error
	// What connections to it go through; nil means nothing.
	wrap func(net.Conn) net.Conn
	// What the next reports are refused with.
	refusals []error
	// How much time the last call that asks for a suggestion, or reports, was given.
	limit time.Duration
	// Where it is not nil, a report is told to it and not answered.
	unanswered chan struct{}
	// What comes here lets a script go on.
	reported chan struct{}
	renewals chan *nextpointv1.RenewLeasesRequest

	mu       sync.Mutex
	opened   []*nextpointv1.StreamSuggestionsRequest
	reports  []*nextpointv1.CreateObservationRequest
	released []string
}

// serve returns a client of the service.
func (f *fakeService) serve(t *testing.T, options ...grpc.DialOption) *nextpoint.Client {
	t.Helper()
	f.reported = make(chan struct{}, 100)
	f.renewals = make(chan *nextpointv1.RenewLeasesRequest, 100)
	listener := bufconn.Listen(1 << 16)
	server := grpc.NewServer()
	nextpointv1.RegisterExperimentServiceServer(server, f)
	nextpointv1.RegisterObservationServiceServer(server, f)
	nextpointv1.RegisterSuggestionServiceServer(server, f)
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	options = append(options, grpc.WithContextDialer(
		func(ctx context.Context, _ string) (net.Conn, error) {
			connection, err := listener.DialContext(ctx)
			if err == nil && f.wrap != nil {
				connection = f.wrap(connection)
			}
			return connection, err
		},
	))
	client, err := nextpoint.NewClient("passthrough:///fake", options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func (f *fakeService) StreamSuggestions(
	request *nextpointv1.StreamSuggestionsRequest, stream eventStream,
) error {
	f.mu.Lock()
	f.opened = append(f.opened, request)
	number := min(len(f.opened), len(f.scripts))
	f.mu.Unlock()
	return f.scripts[number-1](stream)
}

func (f *fakeService) CreateObservation(
	ctx context.Context, request *nextpointv1.CreateObservationRequest,
) (*nextpointv1.CreateObservationResponse, error) {
	if f.unanswered != nil {
		f.unanswered <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reports = append(f.reports, request)
	end, _ := ctx.Deadline()
	f.limit = time.Until(end)
	if len(f.refusals) > 0 {
		refusal := f.refusals[0]
		f.refusals = f.refusals[1:]
		return nil, refusal
	}
	f.reported <- struct{}{}
	return &nextpointv1.CreateObservationResponse{}, nil
}

func (f *fakeService) CreateSuggestion(
	ctx context.Context, _ *nextpointv1.CreateSuggestionRequest,
) (*nextpointv1.CreateSuggestionResponse, error) {
	end, _ := ctx.Deadline()
	f.limit = time.Until(end)
	return &nextpointv1.CreateSuggestionResponse{Suggestion: suggestion("sug_1", 1)}, nil
}

func (f *fakeService) ReleaseSuggestion(
	_ context.Context, request *nextpointv1.ReleaseSuggestionRequest,
) (*nextpointv1.ReleaseSuggestionResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.released = append(f.released, request.GetSuggestionId())
	return &nextpointv1.ReleaseSuggestionResponse{}, nil
}

func (f *fakeService) RenewLeases(
	_ context.Context, request *nextpointv1.RenewLeasesRequest,
) (*nextpointv1.RenewLeasesResponse, error) {
	f.renewals <- request
	return &nextpointv1.RenewLeasesResponse{Renewed: request.GetHandOuts()}, nil
}

func (f *fakeService) CreateExperiment(
	context.Context, *nextpointv1.CreateExperimentRequest,
) (*nextpointv1.CreateExperimentResponse, error) {
	return nil, refusal(codes.InvalidArgument, "INVALID_REQUEST", &errdetails.BadRequest{
		FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: "budget", Description: "must be at least 1"},
			{Field: "parameters[0].name", Description: "must not be empty"},
		},
	})
}

// open opens a stream that may be silent for as long as a test takes.
func open(stream eventStream) error { return openWith(stream, time.Minute) }

func openWith(stream eventStream, heartbeatInterval time.Duration) error {
	return stream.Send(&nextpointv1.StreamSuggestionsResponse{
		Event: &nextpointv1.StreamSuggestionsResponse_Opened{Opened: &nextpointv1.StreamOpened{
			HeartbeatInterval: durationpb.New(heartbeatInterval),
			LeaseDuration:     durationpb.New(time.Second),
		}},
	})
}

func assign(stream eventStream, id string, attempt int32) error {
	return stream.Send(&nextpointv1.StreamSuggestionsResponse{
		Event: &nextpointv1.StreamSuggestionsResponse_Assigned{
			Assigned: &nextpointv1.SuggestionAssigned{Suggestion: suggestion(id, attempt)},
		},
	})
}

func finish(stream eventStream) error { return finishWith(stream, budgetReached) }

func finishWith(stream eventStream, reason nextpointv1.StreamClosedReason) error {
	return stream.Send(&nextpointv1.StreamSuggestionsResponse{
		Event: &nextpointv1.StreamSuggestionsResponse_Closed{
			Closed: &nextpointv1.StreamClosed{Reason: reason},
		},
	})
}

func hang(stream eventStream) error {
	<-stream.Context().Done()
	return stream.Context().Err()
}

// comesTrue waits until a condition holds, and says so where it does not.
func comesTrue(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Error(what)
			return
		}
	}
}

// count returns how many outcomes were reported, refused ones included, and how many suggestions
// given back.
func (f *fakeService) count() (reports, released int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.reports), len(f.released)
}

func suggestion(id string, attempt int32) *nextpointv1.Suggestion {
	return &nextpointv1.Suggestion{
		SuggestionId: id,
		Attempt:      attempt,
		Assignments:  nextpoint.Assignments{"x": nextpoint.Double(0.5)},
	}
}

func overloaded(retryAfter time.Duration) error {
	return refusal(codes.ResourceExhausted, "OVERLOADED", &errdetails.RetryInfo{
		RetryDelay: durationpb.New(retryAfter),
	})
}

func refusal(code codes.Code, reason string, details ...protoadapt.MessageV1) error {
	details = append(details, &errdetails.ErrorInfo{
		Reason: reason, Domain: "nextpoint", Metadata: map[string]string{"experiment": "exp_1"},
	})
	answer, err := status.New(code, "refused").WithDetails(details...)
	if err != nil {
		panic(err)
	}
	return answer.Err()
}
