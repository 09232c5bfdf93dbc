package scenarios;

import static scenarios.Failure.unlessSame;

import io.github.centrifugal.centrifuge.ClientState;
import io.github.centrifugal.centrifuge.DisconnectedEvent;
import io.github.centrifugal.centrifuge.Options;
import io.github.centrifugal.centrifuge.PublicationEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Users that sign in over REST: messages, new tokens, the ends of their sessions, and a restart of the server. */
final class Sessions {
    private static final String SDK_ROUTE = "/connection/websocket";
    private static final String OWN_ROUTE = "/api/v1/ws/chat";

    private Sessions() {}

    static void play(Score score) {
        part(score, "talking", () -> talking(score));
        part(score, "renewing", () -> renewing(score));
        part(score, "ending", () -> ending(score));
        // Last, because it restarts the server.
        part(score, "returning", () -> returning(score));
    }

    private static void part(Score score, String name, Check play) {
        try {
            play.run();
        } catch (Exception error) {
            score.fact(name + " runs to its end", () -> {
                throw error;
            });
        }
    }

    /** A client of this person. */
    private static Peer client(Person person, String route) throws Exception {
        Options options = new Options();
        options.setToken(person.access);
        options.setTokenGetter(person.tokens());
        return new Peer(route, options);
    }

    /** A client with this token, which cannot get another one. */
    private static Peer stuck(String token) throws Exception {
        Options options = new Options();
        options.setToken(token);
        return new Peer(SDK_ROUTE, options);
    }

    private static void talking(Score score) throws Exception {
        Person ann = Person.register();
        try (Peer one = client(ann, SDK_ROUTE); Peer two = client(Person.register(), OWN_ROUTE)) {
            score.fact("connects with a token from login", one::connect);
            score.fact("connects at " + OWN_ROUTE + " as well", two::connect);
            Ear mine = one.subscribed("chat:lobby");
            Ear theirs = two.subscribed("chat:lobby");
            score.fact("receives what it published", () -> {
                mine.publish(Map.of("text", "hello, lobby"));
                unlessSame(text(mine.publications.next()), "hello, lobby");
            });
            score.fact("receives what another user published", () -> {
                PublicationEvent heard = theirs.publications.next();
                unlessSame(List.of(text(heard), heard.getInfo().getUser()), List.of("hello, lobby", ann.id));
            });
            score.fact("leaves a channel", () -> {
                mine.subscription.unsubscribe();
                unlessSame(mine.unsubscribed.next().getCode(), 0);
            });
        }
    }

    private static String text(PublicationEvent heard) {
        return Ear.said(heard.getData()).get("text").getAsString();
    }

    private static void renewing(Score score) throws Exception {
        Person ann = Person.register();
        String before = ann.access;
        Options options = new Options();
        options.setTokenGetter(ann.tokens());
        try (Peer late = new Peer(SDK_ROUTE, options)) {
            score.fact("asks the token getter for its first token", () -> {
                late.connect();
                unlessSame(List.of(ann.asked.get(), ann.access.equals(before)), List.of(1, false));
            });
            Ear mine = late.subscribed("chat:lobby");
            late.connecting.next();
            Server.control("cli", "user", "set-role", ann.email, "operator");
            // This version of the library does not drop its token after 3014. The token stays valid, and gives the
            // rights that the user has now.
            score.fact("reconnects after 3014", () -> {
                unlessSame(late.connecting.next().getCode(), 3014);
                late.connected.next();
            });
            score.fact("is subscribed again after 3014", mine.subscribed::next);
        }
    }

    private interface Provocation {
        void provoke(Person person, Person admin) throws Exception;
    }

    /** A way in which a session ends, with the code and reason that its clients must receive. */
    private record End(int code, String reason, String name, Provocation provocation) {}

    private static final List<End> ENDS = List.of(
            new End(4500, "session revoked", "an operator revoked the session", (person, admin) ->
                    admin.post("/api/v1/admin/revocations", Map.of("session", person.session, "reason", "scenario"))),
            new End(4501, "signed out", "the user signed out", (person, admin) ->
                    person.post("/api/v1/auth/logout", Map.of())),
            new End(4502, "password changed", "the password was changed elsewhere", (person, admin) ->
                    person.elsewhere().post("/api/v1/profile/password", Map.of("new_password", "another-copper-walrus-17"))),
            new End(4503, "account disabled", "the account was suspended", (person, admin) ->
                    Server.control("cli", "user", "set-status", person.email, "suspended")),
            new End(4504, "refresh token reused", "a refresh token was used again", (person, admin) -> {
                Person thief = person.copy();
                unlessSame(List.of(person.renew(), person.renew(), thief.renew()), List.of(200, 200, 401));
            }));

    private record Gone(String after, Peer peer) {}

    private static void ending(Score score) throws Exception {
        Person admin = Person.admin();
        List<Gone> gone = new ArrayList<>();
        for (End end : ENDS) {
            Person person = Person.register();
            Peer ended = client(person, SDK_ROUTE).connect();
            Peer late = stuck(person.access);
            end.provocation().provoke(person, admin);
            score.fact("ends with " + end.code() + " when " + end.name(), () -> {
                DisconnectedEvent told = ended.disconnected.next();
                unlessSame(List.of(told.getCode(), told.getReason()), List.of(end.code(), end.reason()));
            });
            late.client.connect();
            score.fact("the old token cannot connect after " + end.code(), () -> {
                int code = late.disconnected.next().getCode();
                if (code < 3500) throw new Failure("code " + code);
            });
            gone.add(new Gone(Integer.toString(end.code()), ended));
            gone.add(new Gone("refusal after " + end.code(), late));
        }
        Peer garbage = stuck("not-a-token");
        garbage.client.connect();
        score.fact("ends with 3500 when the token is not valid", () -> {
            DisconnectedEvent told = garbage.disconnected.next();
            unlessSame(List.of(told.getCode(), told.getReason()), List.of(3500, "invalid token"));
        });
        gone.add(new Gone("3500", garbage));
        Thread.sleep(Peer.QUIET_MS);
        for (Gone left : gone) {
            Peer peer = left.peer();
            score.fact("opens no further socket after " + left.after(), () -> {
                List<?> found = List.of(peer.client.getState(), peer.line.attempts(), peer.disconnected.waiting());
                unlessSame(found, List.of(ClientState.DISCONNECTED, 1, 0));
            });
            peer.close();
        }
    }

    private static void returning(Score score) throws Exception {
        try (Peer ann = client(Person.register(), SDK_ROUTE).connect()) {
            Ear mine = ann.subscribed("chat:lobby");
            ann.connecting.next();
            Server.control("restart");
            score.fact("receives code 3001 when the server stops", () -> unlessSame(ann.connecting.next().getCode(), 3001));
            score.fact("reconnects by itself after the restart", () -> {
                ann.connected.within(30);
                unlessSame(ann.disconnected.waiting(), 0);
            });
            score.fact("publishes and receives again after the restart", () -> {
                mine.subscribed.next();
                mine.publish(Map.of("text", "back"));
                unlessSame(text(mine.publications.next()), "back");
            });
        }
    }
}
