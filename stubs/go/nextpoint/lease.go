package nextpoint

import (
	"context"
	"log/slog"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	nextpointv1 "github.com/nextpoint/nextpoint/stubs/go/nextpoint/v1"
)

// The client says how long its leases last, so that it knows when to renew them without comparing
// its clock with the service's.
const defaultLease = 60 * time.Second

// Hold asks for one suggestion and renews its lease until ctx ends or letGo is called, which is to
// happen once its outcome is reported. A program that dies meanwhile keeps nobody waiting: the lease
// runs out, and the suggestion goes to the next worker.
func (c *Client) Hold(
	ctx context.Context, request *nextpointv1.CreateSuggestionRequest,
) (suggestion *Suggestion, letGo context.CancelFunc, err error) {
	request = proto.CloneOf(request)
	if request.LeaseDuration == nil {
		request.LeaseDuration = durationpb.New(defaultLease)
	}
	response, err := c.Suggestions.CreateSuggestion(ctx, request)
	if err != nil {
		return nil, func() {}, err
	}
	ctx, letGo = context.WithCancel(ctx)
	go c.renew(ctx, response.GetSuggestion(), request.GetLeaseDuration().AsDuration())
	return newSuggestion(response.GetSuggestion()), letGo, nil
}

func (c *Client) renew(ctx context.Context, held *nextpointv1.Suggestion, lease time.Duration) {
	request := &nextpointv1.RenewLeasesRequest{
		HandOuts: []*nextpointv1.HandOut{
			{SuggestionId: held.GetSuggestionId(), Attempt: held.GetAttempt()},
		},
		LeaseDuration: durationpb.New(lease),
	}
	for wait := lease / 3; sleep(ctx, wait); {
		attempt, cancel := context.WithTimeout(ctx, lease/3)
		response, err := c.Suggestions.RenewLeases(attempt, request)
		cancel()
		switch {
		case err != nil:
			// There is time for more attempts before the lease runs out.
			wait = lease / 12
			slog.DebugContext(ctx, "nextpoint: lease not renewed, trying again", "error", err)
		case len(response.GetLost()) > 0:
			// Its outcome is still accepted, so this is nothing to fail for.
			slog.InfoContext(ctx, "nextpoint: lease lost", "suggestion", held.GetSuggestionId())
			return
		default:
			wait = lease / 3
		}
	}
}
