package dev.nextpoint;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Status;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/** Gives every call what it has in common with the others. */
final class CallDefaults implements ClientInterceptor {
  private final Duration timeout;
  private final Runnable onUnavailable;

  CallDefaults(Duration timeout, Runnable onUnavailable) {
    this.timeout = timeout;
    this.onUnavailable = onUnavailable;
  }

  @Override
  public <ReqT, RespT> ClientCall<ReqT, RespT> interceptCall(
      MethodDescriptor<ReqT, RespT> method, CallOptions options, Channel next) {
    // A deadline that a stub is made with starts then; this one starts with the call.
    CallOptions bounded =
        method.getType() == MethodType.UNARY && options.getDeadline() == null
            ? options.withDeadlineAfter(timeout.toNanos(), TimeUnit.NANOSECONDS)
            : options;
    return new SimpleForwardingClientCall<>(next.newCall(method, bounded)) {
      @Override
      public void start(Listener<RespT> listener, Metadata headers) {
        super.start(
            new SimpleForwardingClientCallListener<>(listener) {
              @Override
              public void onClose(Status status, Metadata trailers) {
                if (status.getCode() == Status.Code.UNAVAILABLE) {
                  // Without this gRPC waits up to two minutes before it looks for a restarted
                  // service again, and fails every call meanwhile.
                  onUnavailable.run();
                }
                super.onClose(status, trailers);
              }
            },
            headers);
      }

      @Override
      public void sendMessage(ReqT message) {
        super.sendMessage(identified(message));
      }
    };
  }

  /** Gives a change its id, unless it has one. gRPC makes retries below, so they keep it. */
  // A builder makes what it was made from.
  @SuppressWarnings("unchecked")
  private static <T> T identified(T request) {
    Message message = (Message) request;
    FieldDescriptor id = message.getDescriptorForType().findFieldByName("request_id");
    if (id == null || !((String) message.getField(id)).isEmpty()) {
      return request;
    }
    return (T) message.toBuilder().setField(id, UUID.randomUUID().toString()).build();
  }
}
