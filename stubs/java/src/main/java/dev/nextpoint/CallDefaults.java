package dev.nextpoint;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import io.grpc.Attributes;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientCall.Listener;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall;
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
  // Longer than any service waits.
  private static final Duration LONGEST_WAIT = Duration.ofDays(1);

  private final Duration timeout;
  private final Runnable onUnavailable;

  CallDefaults(Duration timeout, Runnable onUnavailable) {
    this.timeout = timeout;
    this.onUnavailable = onUnavailable;
  }

  @Override
  public <ReqT, RespT> ClientCall<ReqT, RespT> interceptCall(
      MethodDescriptor<ReqT, RespT> method, CallOptions options, Channel next) {
    return method.getType() == MethodType.UNARY
        ? new UnaryCall<>(method, options, next)
        : new StreamingCall<>(next.newCall(method, options));
  }

  private <RespT> Listener<RespT> watched(Listener<RespT> listener) {
    return new SimpleForwardingClientCallListener<>(listener) {
      @Override
      public void onClose(Status status, Metadata trailers) {
        if (status.getCode() == Status.Code.UNAVAILABLE) {
          // Without this gRPC waits up to two minutes before it looks for a restarted service
          // again, and fails every call meanwhile.
          onUnavailable.run();
        }
        super.onClose(status, trailers);
      }
    };
  }

  private final class StreamingCall<ReqT, RespT> extends SimpleForwardingClientCall<ReqT, RespT> {
    StreamingCall(ClientCall<ReqT, RespT> call) {
      super(call);
    }

    @Override
    public void start(Listener<RespT> listener, Metadata headers) {
      super.start(watched(listener), headers);
    }
  }

  /** A call that is made when its message is known, because its deadline depends on that. */
  private final class UnaryCall<ReqT, RespT> extends ForwardingClientCall<ReqT, RespT> {
    private final MethodDescriptor<ReqT, RespT> method;
    private final CallOptions options;
    private final Channel channel;
    private Listener<RespT> listener;
    private Metadata headers;
    private int requested;
    private boolean compressed = true;
    private ClientCall<ReqT, RespT> call;

    UnaryCall(MethodDescriptor<ReqT, RespT> method, CallOptions options, Channel channel) {
      this.method = method;
      this.options = options;
      this.channel = channel;
    }

    @Override
    public void start(Listener<RespT> listener, Metadata headers) {
      this.listener = watched(listener);
      this.headers = headers;
    }

    @Override
    public void request(int messages) {
      if (call == null) {
        requested += messages;
      } else {
        call.request(messages);
      }
    }

    @Override
    public void sendMessage(ReqT message) {
      call = channel.newCall(method, options.getDeadline() == null ? bounded(message) : options);
      call.start(listener, headers);
      call.setMessageCompression(compressed);
      call.request(requested);
      call.sendMessage(identified(message));
    }

    @Override
    public void setMessageCompression(boolean enabled) {
      if (call == null) {
        compressed = enabled;
      } else {
        call.setMessageCompression(enabled);
      }
    }

    @Override
    public boolean isReady() {
      return call == null || call.isReady();
    }

    @Override
    public Attributes getAttributes() {
      return call == null ? Attributes.EMPTY : call.getAttributes();
    }

    private CallOptions bounded(ReqT message) {
      Duration limit = timeout.plus(maxWait((Message) message));
      // A deadline that a stub is made with starts then; this one starts with the call.
      return options.withDeadlineAfter(limit.toNanos(), TimeUnit.NANOSECONDS);
    }

    @Override
    public void cancel(String message, Throwable cause) {
      if (call != null) {
        call.cancel(message, cause);
      } else if (listener != null) {
        listener.onClose(
            Status.CANCELLED.withDescription(message).withCause(cause), new Metadata());
      }
    }

    @Override
    protected ClientCall<ReqT, RespT> delegate() {
      return call;
    }
  }

  /**
   * How long the service may wait, as it was asked, which comes on top of what a call may take.
   * What is no such time, it refuses at once.
   */
  private static Duration maxWait(Message request) {
    FieldDescriptor field = request.getDescriptorForType().findFieldByName("max_wait");
    if (field == null) {
      return Duration.ZERO;
    }
    var wait = (com.google.protobuf.Duration) request.getField(field);
    long seconds = Math.min(Math.max(0, wait.getSeconds()), LONGEST_WAIT.toSeconds());
    return Duration.ofSeconds(seconds, Math.max(0, wait.getNanos()));
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
