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
	if time.Now().After(r.giveUp) {
		return 0, false
	}
	delay := rand.N(r.delay)
	r.delay = min(2*r.delay, maxDelay)
	var failure *Error
	if errors.As(err, &failure) {
		delay = max(delay, failure.RetryAfter)
	}
	return delay, true
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

// isAway says whether the service may come back. A service that ends may cancel its calls, and so the
// caller has to know that its own context has not ended.
func (c *Client) isAway(err error) bool {
	var failure *Error
	if !errors.As(err, &failure) || c.connection.GetState() == connectivity.Shutdown {
		return false
	}
	return failure.Code == codes.Unavailable || failure.Code == codes.Canceled
}
