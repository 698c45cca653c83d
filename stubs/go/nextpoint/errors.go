package nextpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Error says why a call failed. Find it with [errors.As], or ask [Reason].
type Error struct {
	// Code is the kind of failure.
	Code codes.Code
	// Reason is what programs tell failures apart by, such as BUDGET_SPENT; docs/contract.md lists
	// them. Empty where no service answered.
	Reason string
	// Message is for people.
	Message string
	// Metadata repeats what varies in the message.
	Metadata map[string]string
	// Violations are the fields that the service refused, where Reason is INVALID_REQUEST.
	Violations []FieldViolation
	// RetryAfter is how long the service asks to wait; 0 where it does not say.
	RetryAfter time.Duration

	cause error
}

// FieldViolation says what is wrong with one field of a request.
type FieldViolation struct {
	// Field is its path, such as parameters[2].bounds.max.
	Field string
	// Description says which rule it breaks.
	Description string
}

// Error returns the message with its reason, or its code where there is none.
func (e *Error) Error() string {
	reason := e.Reason
	if reason == "" {
		reason = e.Code.String()
	}
	return fmt.Sprintf("nextpoint: %s (%s)", e.Message, reason)
}

// Unwrap returns gRPC's error, so that [status.FromError] knows this one.
func (e *Error) Unwrap() error { return e.cause }

// Is says whether the call ended for its context's sake.
func (e *Error) Is(target error) bool {
	switch target {
	case context.Canceled:
		return e.Code == codes.Canceled
	case context.DeadlineExceeded:
		return e.Code == codes.DeadlineExceeded
	}
	return false
}

// Reason returns the reason of an [Error]; empty for every other error, and for nil.
func Reason(err error) string {
	var failure *Error
	if errors.As(err, &failure) {
		return failure.Reason
	}
	return ""
}

// asError returns an Error for a failed call of the service at this address. Nil and the end of a
// stream are no failures.
func asError(err error, address string) error {
	answer, known := status.FromError(err)
	if err == nil || err == io.EOF || !known {
		return err
	}
	failure := &Error{Code: answer.Code(), Message: answer.Message(), cause: err}
	for _, detail := range answer.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			failure.Reason, failure.Metadata = detail.GetReason(), detail.GetMetadata()
		case *errdetails.BadRequest:
			for _, each := range detail.GetFieldViolations() {
				failure.Violations = append(
					failure.Violations, FieldViolation{each.GetField(), each.GetDescription()},
				)
			}
		case *errdetails.RetryInfo:
			failure.RetryAfter = detail.GetRetryDelay().AsDuration()
		}
	}
	if failure.Reason == "" && failure.Code == codes.Unavailable {
		failure.Message = fmt.Sprintf(
			"cannot reach the service at %s (%s). Is it running? Start it with 'nextpoint serve', "+
				"or scripts/serve in a checkout, or name another address", address, answer.Message(),
		)
	}
	return failure
}
