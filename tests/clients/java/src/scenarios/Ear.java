package scenarios;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.centrifugal.centrifuge.Client;
import io.github.centrifugal.centrifuge.HistoryOptions;
import io.github.centrifugal.centrifuge.HistoryResult;
import io.github.centrifugal.centrifuge.JoinEvent;
import io.github.centrifugal.centrifuge.LeaveEvent;
import io.github.centrifugal.centrifuge.PublicationEvent;
import io.github.centrifugal.centrifuge.PublishResult;
import io.github.centrifugal.centrifuge.ResultCallback;
import io.github.centrifugal.centrifuge.SubscribedEvent;
import io.github.centrifugal.centrifuge.Subscription;
import io.github.centrifugal.centrifuge.SubscriptionEventListener;
import io.github.centrifugal.centrifuge.SubscriptionOptions;
import io.github.centrifugal.centrifuge.UnsubscribedEvent;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** A subscription with its events. */
final class Ear {
    private static final Gson GSON = new Gson();

    final Subscription subscription;
    final Heard<SubscribedEvent> subscribed = new Heard<>("subscription");
    final Heard<UnsubscribedEvent> unsubscribed = new Heard<>("end of the subscription");
    final Heard<PublicationEvent> publications = new Heard<>("publication");
    final Heard<JoinEvent> joins = new Heard<>("join");
    final Heard<LeaveEvent> leaves = new Heard<>("leave");

    Ear(Client client, String channel, SubscriptionOptions options) throws Exception {
        options.setMinResubscribeDelay(50);
        subscription = client.newSubscription(channel, options, new Listener());
        subscription.subscribe();
    }

    /** Keeps the events. */
    private final class Listener extends SubscriptionEventListener {
        @Override
        public void onSubscribed(Subscription subscription, SubscribedEvent event) {
            subscribed.keep(event);
        }

        @Override
        public void onUnsubscribed(Subscription subscription, UnsubscribedEvent event) {
            unsubscribed.keep(event);
        }

        @Override
        public void onPublication(Subscription subscription, PublicationEvent event) {
            publications.keep(event);
        }

        @Override
        public void onJoin(Subscription subscription, JoinEvent event) {
            joins.keep(event);
        }

        @Override
        public void onLeave(Subscription subscription, LeaveEvent event) {
            leaves.keep(event);
        }
    }

    /** The future answer to a command. */
    static <T> CompletableFuture<T> answer(Consumer<ResultCallback<T>> ask) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        ask.accept((error, result) -> {
            if (error == null) answer.complete(result);
            else answer.completeExceptionally(error);
        });
        return answer;
    }

    /** Waits for the answer to a command and returns it. */
    static <T> T answered(String what, Consumer<ResultCallback<T>> ask) throws Exception {
        try {
            return answer(ask).get(Peer.PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException refused) {
            throw new Failure(what + ": " + refused.getCause());
        }
    }

    /** Publishes data as JSON, and does not wait for the answer. In Protobuf, the JSON is sent as bytes. */
    CompletableFuture<PublishResult> publishing(Map<String, ?> data) {
        byte[] payload = GSON.toJson(data).getBytes(StandardCharsets.UTF_8);
        return answer(callback -> subscription.publish(payload, callback));
    }

    void publish(Map<String, ?> data) throws Exception {
        publishing(data).get(Peer.PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    /** Publishes {@code {"n": first}} to {@code {"n": last}}. */
    void publishNumbers(int first, int last) throws Exception {
        for (int n = first; n <= last; n++) publish(Map.of("n", n));
    }

    /** The numbers of the next publications. */
    List<Integer> numbers(int count) throws Exception {
        List<Integer> numbers = new ArrayList<>();
        for (int i = 0; i < count; i++) numbers.add(number(publications.next().getData()));
        return numbers;
    }

    HistoryResult history(HistoryOptions options) throws Exception {
        return answered("history", callback -> subscription.history(options, callback));
    }

    /** The data of a publication. */
    static JsonObject said(byte[] data) {
        return JsonParser.parseString(new String(data, StandardCharsets.UTF_8)).getAsJsonObject();
    }

    static int number(byte[] data) {
        return said(data).get("n").getAsInt();
    }
}
