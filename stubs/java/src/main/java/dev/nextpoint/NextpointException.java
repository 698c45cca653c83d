package dev.nextpoint;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.io.Serializable;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;

/** Why a call failed, as far as the service said. */
public final class NextpointException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final Status.Code code;
  private final String reason;
  private final Map<String, String> metadata;
  private final List<FieldViolation> violations;
  private final Duration retryAfter;

  /** One field of a request that breaks its rule, such as {@code parameters[2].bounds.max}. */
  public record FieldViolation(String field, String description) implements Serializable {}

  private NextpointException(Throwable cause, Status status, Details details) {
    super(message(status, details.info), cause);
    this.code = status.getCode();
    this.reason = details.info.getReason();
    this.metadata = Map.copyOf(details.info.getMetadataMap());
    this.violations =
        details.badRequest.getFieldViolationsList().stream()
            .map(each -> new FieldViolation(each.getField(), each.getDescription()))
            .toList();
    this.retryAfter =
        Duration.ofSeconds(
            details.retry.getRetryDelay().getSeconds(), details.retry.getRetryDelay().getNanos());
  }

  /** Reads what a stub threw, or gave to an observer. */
  public static NextpointException from(Throwable failure) {
    return new NextpointException(failure, Status.fromThrowable(failure), Details.of(failure));
  }

  /** The code of gRPC. */
  public Status.Code code() {
    return code;
  }

  /** The reason, such as {@code BUDGET_SPENT}; empty where no service answered. */
  public String reason() {
    return reason;
  }

  /** What varies in the message. */
  public Map<String, String> metadata() {
    return metadata;
  }

  /** Every violation of a refused request. */
  public List<FieldViolation> violations() {
    return violations;
  }

  /** How long to wait before trying again; zero where the service did not say. */
  public Duration retryAfter() {
    return retryAfter;
  }

  /** Whether the service is away for a while, or too busy, so that trying again helps. */
  boolean isAway() {
    return switch (code) {
      // A server that ends breaks its calls off; one that is cancelled here is not heard of.
      case UNAVAILABLE, CANCELLED -> true;
      default -> saysWhenToTryAgain();
    };
  }

  /** Whether the service answered, and asked for some patience. */
  boolean saysWhenToTryAgain() {
    return !retryAfter.isZero();
  }

  private static String message(Status status, ErrorInfo info) {
    StringJoiner message = new StringJoiner(": ");
    message.add(info.getReason().isEmpty() ? status.getCode().name() : info.getReason());
    if (status.getDescription() != null) {
      message.add(status.getDescription());
    }
    if (status.getCause() != null) {
      // Where no service answered it says why, such as a refused connection.
      message.add(status.getCause().getMessage());
    }
    return message.toString();
  }

  /** What the service attached; the rest is empty. */
  private static final class Details {
    private ErrorInfo info = ErrorInfo.getDefaultInstance();
    private BadRequest badRequest = BadRequest.getDefaultInstance();
    private RetryInfo retry = RetryInfo.getDefaultInstance();

    static Details of(Throwable failure) {
      Details details = new Details();
      try {
        com.google.rpc.Status status = StatusProto.fromThrowable(failure);
        if (status != null) {
          for (Any packed : status.getDetailsList()) {
            details.read(packed);
          }
        }
      } catch (IllegalArgumentException | InvalidProtocolBufferException unreadable) {
        // Whatever a proxy put there, the code and the message still say what happened.
      }
      return details;
    }

    private void read(Any packed) throws InvalidProtocolBufferException {
      if (packed.is(ErrorInfo.class)) {
        info = packed.unpack(ErrorInfo.class);
      } else if (packed.is(BadRequest.class)) {
        badRequest = packed.unpack(BadRequest.class);
      } else if (packed.is(RetryInfo.class)) {
        retry = packed.unpack(RetryInfo.class);
      }
    }
  }
}
