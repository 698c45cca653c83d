package nextpoint

import (
	"context"
	"log/slog"
	"slices"
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
	held := []*nextpointv1.HandOut{{
		SuggestionId: response.GetSuggestion().GetSuggestionId(),
		Attempt:      response.GetSuggestion().GetAttempt(),
	}}
	lease := request.GetLeaseDuration().AsDuration()
	go c.renew(ctx, lease/3, lease, func() []*nextpointv1.HandOut { return held })
	return newSuggestion(response.GetSuggestion()), letGo, nil
}

// renew renews the leases of what is held, first after this wait, until ctx ends.
func (c *Client) renew(
	ctx context.Context, wait, lease time.Duration, held func() []*nextpointv1.HandOut,
) {
	lost := make(map[handOut]bool)
	isLost := func(h *nextpointv1.HandOut) bool { return lost[handOut{h.GetSuggestionId(), h.GetAttempt()}] }
	for sleep(ctx, wait) {
		wait = lease / 3
		request := &nextpointv1.RenewLeasesRequest{
			HandOuts:      slices.DeleteFunc(slices.Clone(held()), isLost),
			LeaseDuration: durationpb.New(lease),
		}
		if len(request.HandOuts) == 0 {
			continue
		}
		attempt, cancel := context.WithTimeout(ctx, lease/3)
		response, err := c.Suggestions.RenewLeases(attempt, request)
		cancel()
		if err != nil {
			// There is time for more attempts before the lease runs out.
			wait = lease / 12
			slog.DebugContext(ctx, "nextpoint: leases not renewed, trying again", "error", err)
		}
		for _, each := range response.GetLost() {
			// Its outcome is still accepted, so this is nothing to fail for.
			lost[handOut{each.GetSuggestionId(), each.GetAttempt()}] = true
			slog.InfoContext(ctx, "nextpoint: lease lost", "suggestion", each.GetSuggestionId())
		}
	}
}
