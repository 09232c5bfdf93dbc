package scenarios;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.centrifugal.centrifuge.ConnectionTokenEvent;
import io.github.centrifugal.centrifuge.ConnectionTokenGetter;
import io.github.centrifugal.centrifuge.TokenCallback;
import io.github.centrifugal.centrifuge.UnauthorizedException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/** A user that is signed in: the tokens of one session, and the requests with them. */
final class Person {
    final String email;
    final String password;
    final String id;
    /** How often a client has asked for a token. */
    final AtomicInteger asked = new AtomicInteger();
    volatile String access = "";
    volatile String refresh = "";
    volatile String session = "";

    private Person(String email, String password, String id) {
        this.email = email;
        this.password = password;
        this.id = id;
    }

    static Person register() throws Exception {
        String email = Application.fresh("") + "@example.com";
        String password = "correct-zebra-lantern-42";
        Map<String, ?> account = Map.of("email", email, "password", password);
        JsonObject made = Server.post("/api/v1/auth/register", List.of(), account).accepted("register");
        return new Person(email, password, made.get("id").getAsString()).signIn();
    }

    static Person admin() throws Exception {
        for (JsonElement found : Server.facts().getAsJsonArray("users")) {
            JsonObject user = found.getAsJsonObject();
            if (user.get("role").getAsString().equals("admin")) {
                return new Person(user.get("email").getAsString(), user.get("password").getAsString(), "").signIn();
            }
        }
        throw new Failure("no admin");
    }

    /** Opens another session of the same account. */
    Person elsewhere() throws Exception {
        return new Person(email, password, id).signIn();
    }

    /** The same session with copies of its tokens. */
    Person copy() {
        Person copy = new Person(email, password, id);
        copy.access = access;
        copy.refresh = refresh;
        copy.session = session;
        return copy;
    }

    private Person signIn() throws Exception {
        Map<String, ?> proof = Map.of("username", email, "password", password);
        keep(Server.post("/api/v1/auth/jwt/login", List.of(), proof).accepted("login"));
        return this;
    }

    private void keep(JsonObject granted) {
        access = granted.get("access_token").getAsString();
        refresh = granted.get("refresh_token").getAsString();
        session = granted.get("session_id").getAsString();
    }

    /** Uses the refresh token and returns the status of the answer. */
    int renew() throws Exception {
        Server.Answer answer = Server.post("/api/v1/auth/refresh", List.of(), Map.of("refresh_token", refresh));
        if (answer.status() == 200) keep(answer.body());
        return answer.status();
    }

    /** Sends a request with the access token of this person. */
    void post(String route, Map<String, ?> body) throws Exception {
        Server.post(route, List.of("Authorization", "Bearer " + access), body).accepted(route);
    }

    /** The token callback that an application gives to the client library. */
    ConnectionTokenGetter tokens() {
        return new ConnectionTokenGetter() {
            @Override
            public void getConnectionToken(ConnectionTokenEvent event, TokenCallback callback) {
                asked.incrementAndGet();
                try {
                    int status = renew();
                    if (status == 200) callback.Done(null, access);
                    else if (status == 401) callback.Done(new UnauthorizedException(), null);
                    else callback.Done(new Failure("refresh: " + status), null);
                } catch (Exception error) {
                    callback.Done(error, null);
                }
            }
        };
    }
}
