package dev.nextpoint;

import dev.nextpoint.v1.AnalysisServiceGrpc;
import dev.nextpoint.v1.AnalysisServiceGrpc.AnalysisServiceBlockingStub;
import dev.nextpoint.v1.ExperimentServiceGrpc;
import dev.nextpoint.v1.ExperimentServiceGrpc.ExperimentServiceBlockingStub;
import dev.nextpoint.v1.ObservationServiceGrpc;
import dev.nextpoint.v1.ObservationServiceGrpc.ObservationServiceBlockingStub;
import dev.nextpoint.v1.RunServiceGrpc;
import dev.nextpoint.v1.RunServiceGrpc.RunServiceBlockingStub;
import dev.nextpoint.v1.SuggestionServiceGrpc;
import dev.nextpoint.v1.SuggestionServiceGrpc.SuggestionServiceBlockingStub;
import io.grpc.Channel;
import io.grpc.ChannelCredentials;
import io.grpc.ClientInterceptors;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * A connection to a service, with the generated stubs on it. It is made when it is first needed,
 * and is safe to share between threads.
 *
 * <p>Every call but a stream has a deadline, by default that of the config that the clients of all
 * languages share, and its {@code max_wait} on top. A call is made again while the service is
 * {@code UNAVAILABLE}, for about 7 seconds. Every change has a {@code request_id}, so that it is
 * made once however often it is sent.
 */
public final class NextpointClient implements AutoCloseable {
  // As much as the service takes. A batch of 2500 observations of 100 parameters fits.
  private static final int MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

  // Find out that a connection died without a word, which gRPC would use for every new call.
  private static final long KEEP_ALIVE_SECONDS = 30;
  private static final long KEEP_ALIVE_TIMEOUT_SECONDS = 15;

  private final ManagedChannel connection;
  private final Channel channel;

  private NextpointClient(ManagedChannel connection, Duration timeout) {
    this.connection = connection;
    this.channel =
        ClientInterceptors.intercept(
            connection, new CallDefaults(timeout, connection::resetConnectBackoff));
  }

  /** Connects without encryption to {@code HOST:PORT}. */
  public static NextpointClient connect(String address) {
    return connect(address, InsecureChannelCredentials.create());
  }

  /** Connects to {@code HOST:PORT}, by TLS or whatever else the credentials say. */
  public static NextpointClient connect(String address, ChannelCredentials credentials) {
    return connect(Grpc.newChannelBuilder(address, credentials));
  }

  /** Connects by a channel of your own making, such as one with interceptors. */
  public static NextpointClient connect(ManagedChannelBuilder<?> channel) {
    return connect(channel, null);
  }

  /**
   * Connects by a channel of your own making.
   *
   * @param timeout how long a call may take whose stub has no deadline
   */
  public static NextpointClient connect(ManagedChannelBuilder<?> channel, Duration timeout) {
    ServiceConfig config = ServiceConfig.load();
    return new NextpointClient(
        channel
            .enableRetry()
            .defaultServiceConfig(config.forGrpc())
            .maxInboundMessageSize(MAX_MESSAGE_BYTES)
            .keepAliveTime(KEEP_ALIVE_SECONDS, TimeUnit.SECONDS)
            .keepAliveTimeout(KEEP_ALIVE_TIMEOUT_SECONDS, TimeUnit.SECONDS)
            .build(),
        timeout == null ? config.timeout() : timeout);
  }

  /** Defines experiments and keeps track of them. */
  public ExperimentServiceBlockingStub experiments() {
    return ExperimentServiceGrpc.newBlockingStub(channel);
  }

  /** Hands out suggestions. */
  public SuggestionServiceBlockingStub suggestions() {
    return SuggestionServiceGrpc.newBlockingStub(channel);
  }

  /** Takes the outcomes of evaluations. */
  public ObservationServiceBlockingStub observations() {
    return ObservationServiceGrpc.newBlockingStub(channel);
  }

  /** Tracks evaluations under way. */
  public RunServiceBlockingStub runs() {
    return RunServiceGrpc.newBlockingStub(channel);
  }

  /** Says what was learned. */
  public AnalysisServiceBlockingStub analysis() {
    return AnalysisServiceGrpc.newBlockingStub(channel);
  }

  /** The channel under the stubs above, for those of other kinds. */
  public Channel channel() {
    return channel;
  }

  /** Ends every call. What workers still hold stays theirs until its lease runs out. */
  @Override
  public void close() {
    connection.shutdownNow();
  }
}
