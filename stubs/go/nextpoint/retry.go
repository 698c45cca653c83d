package nextpoint

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
)

const (
	firstDelay = 200 * time.Millisecond
	maxDelay   = 10 * time.Second
	// For how long a worker that worked waits for its service to come back.
	patience = 5 * time.Minute
)

// retries makes delays that grow, with jitter, so that workers do not come back all at once.
type retries struct {
	delay time.Duration
	// Counted from the first failure, however long everything went well before.
	giveUp time.Time
}

// next returns how long to wait after this error, and false when there was enough of that.
func (r *retries) next(err error) (time.Duration, bool) {
	if r.giveUp.IsZero() {
		r.delay, r.giveUp = firstDelay, time.Now().Add(patience)
	}
	if !time.Now().Before(r.giveUp) {
		return 0, false
	}
	delay := max(rand.N(r.delay), retryAfter(err))
	r.delay = min(2*r.delay, maxDelay)
	return min(delay, time.Until(r.giveUp)), true
}

// sleep waits, and returns false when ctx ended meanwhile.
func sleep(ctx context.Context, delay time.Duration) bool {
	select {
	case <-time.After(delay):
		return true
	case <-ctx.Done():
		return false
	}
}

// retryAfter returns how long the service asks to wait; 0 where it does not say.
func retryAfter(err error) time.Duration {
	var failure *Error
	if errors.As(err, &failure) {
		return failure.RetryAfter
	}
	return 0
}

// isAway says whether the service may come back, or asks to wait because it has too much to do. A
// service that ends may cancel its calls, and so the caller has to know that its own context has not
// ended.
func (c *Client) isAway(err error) bool {
	var failure *Error
	if !errors.As(err, &failure) || c.connection.GetState() == connectivity.Shutdown {
		return false
	}
	return failure.Code == codes.Unavailable || failure.Code == codes.Canceled || failure.RetryAfter > 0
}
