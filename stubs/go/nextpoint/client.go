// Package nextpoint connects workers to a Nextpoint service, which tells them which point to try
// next.
//
// [Worker] evaluates suggestions until there are no more. [Stream] is what it is made of, for
// programs with a loop of their own, and [Client.Hold] is for programs that ask instead. Everything
// else is the contract itself, package nextpointv1, called through the fields of [Client].
package nextpoint

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	nextpointv1 "github.com/nextpoint/nextpoint/stubs/go/nextpoint/v1"
)

// As much as the service takes. A batch of 2500 observations of 100 parameters fits.
const maxMessageBytes = 16 << 20

// Finds out that a connection died without a word, which gRPC would use for every new call. Only
// while there are calls: a service need not allow anything else.
var keepAlive = keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 15 * time.Second}

// The service config of the clients of all languages: how long a call may take, and that for about 7
// seconds UNAVAILABLE is tried again, which is what a restart looks like.
//
//go:embed v1/service_config.json
var sharedConfig []byte

// Client calls one service. It may be used by any number of goroutines.
//
// Its fields are the services of the contract. Every call has a deadline, is made again while the
// service is away for some seconds, and fails with an [Error]. A change without a request id gets
// one, which it keeps over these repetitions.
type Client struct {
	Experiments  nextpointv1.ExperimentServiceClient
	Suggestions  nextpointv1.SuggestionServiceClient
	Observations nextpointv1.ObservationServiceClient
	Runs         nextpointv1.RunServiceClient
	Analysis     nextpointv1.AnalysisServiceClient

	connection *grpc.ClientConn
}

// NewClient returns a client of the service at HOST:PORT or any other target of gRPC's. Like
// [grpc.NewClient] it connects when it is first needed.
//
// The connection is in plain text unless an option says otherwise, such as
// [grpc.WithTransportCredentials]; every option overrides what the client would choose.
func NewClient(address string, options ...grpc.DialOption) (*Client, error) {
	config, timeout := splitConfig()
	// Without these gRPC waits up to two minutes before it looks for a restarted service again.
	reconnect := backoff.Config{
		BaseDelay:  200 * time.Millisecond,
		Multiplier: 1.6,
		Jitter:     0.2,
		MaxDelay:   2 * time.Second,
	}
	defaults := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(config),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: reconnect, MinConnectTimeout: 20 * time.Second,
		}),
		grpc.WithKeepaliveParams(keepAlive),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(maxMessageBytes), grpc.MaxCallSendMsgSize(maxMessageBytes),
		),
		grpc.WithChainUnaryInterceptor(unaryCaller(timeout)),
		grpc.WithChainStreamInterceptor(callStream),
	}
	connection, err := grpc.NewClient(address, append(defaults, options...)...)
	if err != nil {
		return nil, err
	}
	return &Client{
		Experiments:  nextpointv1.NewExperimentServiceClient(connection),
		Suggestions:  nextpointv1.NewSuggestionServiceClient(connection),
		Observations: nextpointv1.NewObservationServiceClient(connection),
		Runs:         nextpointv1.NewRunServiceClient(connection),
		Analysis:     nextpointv1.NewAnalysisServiceClient(connection),
		connection:   connection,
	}, nil
}

// Close ends the connection and every call on it.
func (c *Client) Close() error {
	return c.connection.Close()
}

// splitConfig returns what gRPC is to do itself, and how long a call may take whose context has no
// deadline: gRPC would hold every call to that, and a caller may give one more time.
func splitConfig() (config string, timeout time.Duration) {
	var shared struct {
		MethodConfig []map[string]any `json:"methodConfig"`
	}
	err := json.Unmarshal(sharedConfig, &shared)
	for _, each := range shared.MethodConfig {
		if text, ok := each["timeout"].(string); ok && err == nil {
			timeout, err = time.ParseDuration(text)
			delete(each, "timeout")
		}
	}
	rest, unwritable := json.Marshal(shared)
	if err := errors.Join(err, unwritable); err != nil || timeout == 0 {
		panic(fmt.Sprintf("nextpoint: the package's own service config: %v", err))
	}
	return string(rest), timeout
}

// longestWait is longer than any service waits.
const longestWait = 24 * time.Hour

func unaryCaller(timeout time.Duration) grpc.UnaryClientInterceptor {
	return func(
		ctx context.Context, method string, request, response any, connection *grpc.ClientConn,
		invoke grpc.UnaryInvoker, options ...grpc.CallOption,
	) error {
		if _, bounded := ctx.Deadline(); !bounded {
			limit := timeout
			// What the service was asked to wait comes on top; what is none, it refuses at once.
			if waiting, ok := request.(interface{ GetMaxWait() *durationpb.Duration }); ok {
				limit += min(max(0, waiting.GetMaxWait().AsDuration()), longestWait)
			}
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, limit)
			defer cancel()
		}
		if message, ok := request.(proto.Message); ok {
			request = identified(message)
		}
		err := invoke(ctx, method, request, response, connection, options...)
		return asError(err, connection.Target())
	}
}

// identified returns the request with a request id if it takes one. It is another message then: a
// caller who uses one for two calls wants two changes.
func identified(request proto.Message) proto.Message {
	field := request.ProtoReflect().Descriptor().Fields().ByName("request_id")
	if field == nil || request.ProtoReflect().Has(field) {
		return request
	}
	request = proto.Clone(request)
	request.ProtoReflect().Set(field, protoreflect.ValueOfString(rand.Text()))
	return request
}

func callStream(
	ctx context.Context, description *grpc.StreamDesc, connection *grpc.ClientConn, method string,
	open grpc.Streamer, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	stream, err := open(ctx, description, connection, method, options...)
	if err != nil {
		return nil, asError(err, connection.Target())
	}
	return clientStream{stream, connection.Target()}, nil
}

// clientStream is a stream that fails with an Error.
type clientStream struct {
	grpc.ClientStream
	address string
}

func (s clientStream) RecvMsg(message any) error {
	return asError(s.ClientStream.RecvMsg(message), s.address)
}
