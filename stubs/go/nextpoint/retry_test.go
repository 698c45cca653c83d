package nextpoint

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestPatienceBoundsWhatTheServiceAsksToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := &Error{RetryAfter: time.Hour}
		var retry retries

		delay, more := retry.next(busy)
		if delay != patience || !more {
			t.Errorf("waits %v, %v", delay, more)
		}
		time.Sleep(delay)
		if _, more := retry.next(busy); more {
			t.Error("does not give up")
		}
	})
}
