package scenarios;

import static scenarios.Application.api;
import static scenarios.Application.fresh;
import static scenarios.Application.nameOf;
import static scenarios.Application.publishFromServer;
import static scenarios.Application.soon;
import static scenarios.Application.token;
import static scenarios.Failure.unlessSame;

import com.google.gson.JsonObject;
import io.github.centrifugal.centrifuge.ClientInfo;
import io.github.centrifugal.centrifuge.ClientState;
import io.github.centrifugal.centrifuge.ConnectingEvent;
import io.github.centrifugal.centrifuge.ConnectionTokenEvent;
import io.github.centrifugal.centrifuge.ConnectionTokenGetter;
import io.github.centrifugal.centrifuge.DisconnectedEvent;
import io.github.centrifugal.centrifuge.HistoryOptions;
import io.github.centrifugal.centrifuge.HistoryResult;
import io.github.centrifugal.centrifuge.Options;
import io.github.centrifugal.centrifuge.PresenceResult;
import io.github.centrifugal.centrifuge.PresenceStatsResult;
import io.github.centrifugal.centrifuge.Publication;
import io.github.centrifugal.centrifuge.PublicationEvent;
import io.github.centrifugal.centrifuge.PublishResult;
import io.github.centrifugal.centrifuge.ReplyError;
import io.github.centrifugal.centrifuge.ServerPublicationEvent;
import io.github.centrifugal.centrifuge.StreamPosition;
import io.github.centrifugal.centrifuge.SubscribedEvent;
import io.github.centrifugal.centrifuge.SubscriptionOptions;
import io.github.centrifugal.centrifuge.SubscriptionState;
import io.github.centrifugal.centrifuge.SubscriptionTokenEvent;
import io.github.centrifugal.centrifuge.SubscriptionTokenGetter;
import io.github.centrifugal.centrifuge.TokenCallback;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** History, recovery, presence, subscriptions by the server, expiry, and the effects of the server API on a client. */
final class Realtime {
    /** Long enough for tokens of two seconds to expire. */
    private static final long EXPIRY_MS = 3500;

    private Realtime() {}

    private interface Scenario {
        void play(Talk talk) throws Exception;
    }

    private static Map<String, Scenario> scenarios() {
        Map<String, Scenario> all = new LinkedHashMap<>();
        all.put("subscribes and publishes", Realtime::publishes);
        all.put("reads history page by page in both directions", Realtime::readsHistory);
        all.put("recovers in memory what it missed while its connection was lost", talk -> recovers(talk, "room:"));
        all.put("recovers from the database what it missed while its connection was lost", talk -> recovers(talk, "kept:"));
        all.put("learns that its position cannot be recovered", Realtime::cannotRecover);
        all.put("sees the presence of two clients", Realtime::seesPresence);
        all.put("receives joins and leaves", Realtime::receivesJoins);
        all.put("is subscribed by its token and by the server API", Realtime::isSubscribed);
        all.put("refreshes an expiring connection and stays", Realtime::refreshes);
        all.put("fetches a new token for one that has expired", Realtime::fetches);
        all.put("refreshes an expiring subscription to a private channel", Realtime::refreshesSubscription);
        all.put("is not subscribed to a private channel without a token", Realtime::needsToken);
        all.put("is unsubscribed by the server API", Realtime::isUnsubscribed);
        all.put("is disconnected by the server API and does not reconnect", Realtime::isDisconnected);
        all.put("is disconnected with a code of the application and reconnects", Realtime::comesBack);
        all.put("cannot connect while its user is blocked, but can connect after that", Realtime::isBlocked);
        all.put("receives error 111 when it sends too much", Realtime::sendsTooMuch);
        all.put("is disconnected when it continues to send too much, and reconnects", Realtime::goesOnSending);
        return all;
    }

    /** Most of the time the scenarios wait, so two of them run at once. */
    static void play(Score score) throws InterruptedException {
        ExecutorService two = Executors.newFixedThreadPool(2);
        scenarios().forEach((name, scenario) -> two.execute(() -> score.fact("protobuf: " + name, () -> {
            try (Talk talk = new Talk()) {
                scenario.play(talk);
            }
        })));
        two.shutdown();
        two.awaitTermination(3, TimeUnit.MINUTES);
    }

    private static void publishes(Talk talk) throws Exception {
        String channel = fresh("room:");
        String user = fresh("ann-");
        Ear mine = talk.connected(user).subscribed(channel);
        Ear theirs = talk.connected(fresh("bob-")).subscribed(channel);
        mine.publish(Map.of("n", 1, "text", "grüß dich"));
        PublicationEvent echo = mine.publications.next();
        PublicationEvent heard = theirs.publications.next();
        JsonObject said = Ear.said(heard.getData());
        unlessSame(List.of(said.get("n").getAsInt(), said.get("text").getAsString()), List.of(1, "grüß dich"));
        unlessSame(Ear.said(echo.getData()), said);
        unlessSame(heard.getInfo().getUser(), nameOf(user));
    }

    private static void readsHistory(Talk talk) throws Exception {
        Ear mine = talk.connected(fresh("ann-")).subscribed(fresh("room:"));
        mine.publishNumbers(1, 10);
        HistoryResult top = mine.history(new HistoryOptions.Builder().withLimit(0).build());
        unlessSame(List.of(top.getOffset(), top.getPublications().size()), List.of(10L, 0));
        unlessSame(pages(mine, false), List.of(List.of(1, 2, 3, 4), List.of(5, 6, 7, 8), List.of(9, 10)));
        unlessSame(pages(mine, true), List.of(List.of(10, 9, 8, 7), List.of(6, 5, 4, 3), List.of(2, 1)));
    }

    /** All publications in the history, four per page. */
    private static List<List<Integer>> pages(Ear ear, boolean reverse) throws Exception {
        List<List<Integer>> read = new ArrayList<>();
        StreamPosition since = null;
        while (true) {
            HistoryOptions.Builder options = new HistoryOptions.Builder().withLimit(4).withReverse(reverse).withSince(since);
            HistoryResult page = ear.history(options.build());
            List<Integer> numbers = new ArrayList<>();
            for (Publication publication : page.getPublications()) {
                numbers.add(Ear.number(publication.getData()));
                since = new StreamPosition(publication.getOffset(), page.getEpoch());
            }
            if (numbers.isEmpty()) return read;
            read.add(numbers);
        }
    }

    private static void recovers(Talk talk, String namespace) throws Exception {
        String channel = fresh(namespace);
        Peer ann = talk.connected(fresh("ann-"));
        Ear mine = ann.subscribed(channel);
        mine.publishNumbers(1, 2);
        unlessSame(mine.numbers(2), List.of(1, 2));
        ann.cut();
        publishFromServer(channel, 3, 6);
        ann.line.mend();
        SubscribedEvent again = mine.subscribed.next();
        mine.publishNumbers(7, 7);
        unlessSame(List.of(again.wasRecovering(), again.getRecovered()), List.of(true, true));
        unlessSame(mine.numbers(5), List.of(3, 4, 5, 6, 7));
        unlessSame(mine.publications.waiting(), 0);
    }

    private static void cannotRecover(Talk talk) throws Exception {
        String channel = fresh("brief:");
        Peer ann = talk.connected(fresh("ann-"));
        Ear mine = ann.subscribed(channel);
        mine.publishNumbers(1, 1);
        mine.numbers(1);
        ann.cut();
        publishFromServer(channel, 2, 6);
        ann.line.mend();
        SubscribedEvent again = mine.subscribed.next();
        mine.publishNumbers(7, 7);
        unlessSame(List.of(again.wasRecovering(), again.getRecovered()), List.of(true, false));
        unlessSame(mine.numbers(1), List.of(7));
    }

    private static void seesPresence(Talk talk) throws Exception {
        String channel = fresh("room:");
        String ann = fresh("ann-");
        String bob = fresh("bob-");
        Ear mine = talk.connected(ann).subscribed(channel);
        talk.connected(bob).subscribed(channel);
        PresenceResult presence = Ear.answered("presence", mine.subscription::presence);
        List<String> users = presence.getClients().values().stream().map(ClientInfo::getUser).sorted().toList();
        unlessSame(users, List.of(nameOf(ann), nameOf(bob)));
        PresenceStatsResult stats = Ear.answered("presence statistics", mine.subscription::presenceStats);
        unlessSame(List.of(stats.getNumClients(), stats.getNumUsers()), List.of(2, 2));
    }

    private static void receivesJoins(Talk talk) throws Exception {
        String channel = fresh("room:");
        String bob = fresh("bob-");
        Ear mine = talk.connected(fresh("ann-")).subscribed(channel);
        Peer other = talk.connected(bob);
        other.subscribed(channel);
        // The client receives its own join first.
        while (!mine.joins.next().getInfo().getUser().equals(nameOf(bob))) continue;
        other.line.cut();
        unlessSame(mine.leaves.next().getInfo().getUser(), nameOf(bob));
    }

    private static void isSubscribed(Talk talk) throws Exception {
        String first = fresh("news:");
        String second = fresh("news:");
        String user = fresh("reader-");
        Options options = new Options();
        options.setToken(token(Map.of("sub", user, "channels", List.of(first))));
        Peer reader = talk.peer(options).connect();
        unlessSame(reader.subscribed.next().getChannel(), first);
        api("subscribe", Map.of("user", nameOf(user), "channel", second));
        unlessSame(reader.subscribed.next().getChannel(), second);
        publishFromServer(first, 1, 1);
        publishFromServer(second, 2, 2);
        for (List<?> expected : List.of(List.of(first, 1), List.of(second, 2))) {
            ServerPublicationEvent heard = reader.publications.next();
            unlessSame(List.of(heard.getChannel(), Ear.number(heard.getData())), expected);
        }
        api("unsubscribe", Map.of("user", nameOf(user), "channel", second));
        unlessSame(reader.unsubscribed.next().getChannel(), second);
    }

    /** A client whose token expires after this many seconds. The client then requests another token. */
    private static Peer expiring(Talk talk, long seconds, AtomicInteger asked) throws Exception {
        String user = fresh("ann-");
        Options options = new Options();
        options.setToken(token(Map.of("sub", user, "exp", soon(seconds))));
        options.setTokenGetter(new ConnectionTokenGetter() {
            @Override
            public void getConnectionToken(ConnectionTokenEvent event, TokenCallback callback) {
                asked.incrementAndGet();
                give(callback, Map.of("sub", user, "exp", soon(60)));
            }
        });
        return talk.peer(options).connect();
    }

    private static void give(TokenCallback callback, Map<String, ?> claims) {
        try {
            callback.Done(null, token(claims));
        } catch (Exception error) {
            callback.Done(error, null);
        }
    }

    private static void refreshes(Talk talk) throws Exception {
        AtomicInteger asked = new AtomicInteger();
        Peer ann = expiring(talk, 2, asked);
        Thread.sleep(EXPIRY_MS);
        // The client connected only once.
        unlessSame(List.of(asked.get(), ann.client.getState(), ann.connecting.waiting()), List.of(1, ClientState.CONNECTED, 1));
    }

    private static void fetches(Talk talk) throws Exception {
        AtomicInteger asked = new AtomicInteger();
        Peer ann = expiring(talk, -60, asked);
        unlessSame(List.of(asked.get(), ann.client.getState()), List.of(1, ClientState.CONNECTED));
    }

    private static void refreshesSubscription(Talk talk) throws Exception {
        String user = fresh("ann-");
        AtomicInteger asked = new AtomicInteger();
        SubscriptionOptions options = new SubscriptionOptions();
        options.setTokenGetter(new SubscriptionTokenGetter() {
            @Override
            public void getSubscriptionToken(SubscriptionTokenEvent event, TokenCallback callback) {
                long life = asked.incrementAndGet() == 1 ? 2 : 60;
                give(callback, Map.of("sub", user, "channel", event.getChannel(), "exp", soon(life)));
            }
        });
        Ear mine = talk.connected(user).subscribed(fresh("$room:"), options);
        Thread.sleep(EXPIRY_MS);
        unlessSame(List.of(asked.get(), mine.subscription.getState()), List.of(2, SubscriptionState.SUBSCRIBED));
        unlessSame(List.of(mine.subscribed.waiting(), mine.unsubscribed.waiting()), List.of(0, 0));
        mine.publishNumbers(1, 1);
        unlessSame(mine.numbers(1), List.of(1));
    }

    private static void needsToken(Talk talk) throws Exception {
        Ear refused = talk.connected(fresh("ann-")).subscribing(fresh("$room:"), new SubscriptionOptions());
        unlessSame(refused.unsubscribed.next().getCode(), 103);
    }

    private static void isUnsubscribed(Talk talk) throws Exception {
        String channel = fresh("room:");
        String user = fresh("reader-");
        Ear mine = talk.connected(user).subscribed(channel);
        api("unsubscribe", Map.of("user", nameOf(user), "channel", channel));
        unlessSame(mine.unsubscribed.next().getCode(), 2000);
        unlessSame(mine.subscription.getState(), SubscriptionState.UNSUBSCRIBED);
    }

    private static void isDisconnected(Talk talk) throws Exception {
        String user = fresh("reader-");
        Peer reader = talk.connected(user);
        JsonObject result = api("disconnect", Map.of("user", nameOf(user)));
        DisconnectedEvent end = reader.ended();
        List<?> found = List.of(result.get("closed").getAsInt(), end.getCode(), end.getReason());
        unlessSame(found, List.of(1, 3503, "force disconnect"));
    }

    private static void comesBack(Talk talk) throws Exception {
        String user = fresh("reader-");
        Peer reader = talk.connected(user);
        reader.connecting.next();
        Map<String, ?> words = Map.of("code", 4200, "reason", "come again");
        api("disconnect", Map.of("user", nameOf(user), "disconnect", words));
        ConnectingEvent again = reader.connecting.next();
        unlessSame(List.of(again.getCode(), again.getReason()), List.of(4200, "come again"));
        reader.connected.next();
    }

    private static void isBlocked(Talk talk) throws Exception {
        String user = fresh("reader-");
        Peer reader = talk.connected(user);
        api("block_user", Map.of("user", nameOf(user)));
        unlessSame(reader.ended().getCode(), 4503);
        reader.client.connect();
        unlessSame(reader.ended().getCode(), 4503);
        api("unblock_user", Map.of("user", nameOf(user)));
        reader.connect();
    }

    /**
     * Sends a few commands at a time until some are refused. Each command is a frame, and the tenth frame over the limit
     * ends the connection.
     */
    private static void sendsTooMuch(Talk talk) throws Exception {
        Peer ann = talk.connected(fresh("ann-"));
        Ear mine = ann.subscribed(fresh("room:"));
        int refused = 0;
        for (int sent = 0; refused == 0; sent += 8) {
            if (sent > 400) throw new Failure("none of " + sent + " was refused");
            refused = publishAtOnce(mine, 8);
        }
        unlessSame(ann.client.getState(), ClientState.CONNECTED);
        unlessSame(mine.subscription.getState(), SubscriptionState.SUBSCRIBED);
    }

    /** Publishes {@code count} times at once. Returns how many publications were refused with 111. */
    private static int publishAtOnce(Ear ear, int count) throws Exception {
        List<CompletableFuture<PublishResult>> sent = new ArrayList<>();
        for (int n = 0; n < count; n++) sent.add(ear.publishing(Map.of("n", n)));
        int refused = 0;
        for (CompletableFuture<PublishResult> answer : sent) {
            try {
                answer.get(Peer.PATIENCE_SECONDS, TimeUnit.SECONDS);
            } catch (ExecutionException told) {
                if (!(told.getCause() instanceof ReplyError error) || error.getCode() != 111) throw told;
                refused++;
            }
        }
        return refused;
    }

    private static void goesOnSending(Talk talk) throws Exception {
        Peer ann = talk.connected(fresh("ann-"));
        Ear mine = ann.subscribed(fresh("room:"));
        ann.connecting.next();
        // Some of the publications are lost with the connection.
        for (int n = 0; n < 400; n++) mine.publishing(Map.of("n", n));
        unlessSame(ann.connecting.next().getCode(), 3013);
        ann.connected.next();
        unlessSame(ann.disconnected.waiting(), 0);
    }
}
