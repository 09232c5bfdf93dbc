package scenarios;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** The application behind the clients: it issues their tokens and uses the server API. */
final class Application {
    private static final String SECRET = "what only the scenarios know";
    private static final String API_KEY = "a-key-that-only-the-scenarios-know";
    private static final AtomicInteger MADE = new AtomicInteger();
    private static final Gson GSON = new Gson();

    private Application() {}

    /** A unique name, such as {@code room:java-17-3}. */
    static String fresh(String kind) {
        return kind + "java-" + ProcessHandle.current().pid() + "-" + MADE.incrementAndGet();
    }

    /** The name that the server gives a user of this issuer. */
    static String nameOf(String user) {
        return "s:" + user;
    }

    /** The time this many seconds from now, in seconds since the epoch. */
    static long soon(long seconds) {
        return System.currentTimeMillis() / 1000 + seconds;
    }

    /** A token with these claims. */
    static String token(Map<String, ?> claims) throws Exception {
        String signed = part(GSON.toJson(Map.of("alg", "HS256", "typ", "JWT"))) + "." + part(GSON.toJson(claims));
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(SECRET.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
        return signed + "." + part(mac.doFinal(signed.getBytes(StandardCharsets.UTF_8)));
    }

    private static String part(String text) {
        return part(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String part(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    /** Calls a method of the server API and returns its result. */
    static JsonObject api(String method, Map<String, ?> params) throws Exception {
        Server.Answer answer = Server.post("/api/" + method, List.of("X-API-Key", API_KEY), params);
        if (!answer.body().has("result")) throw new Failure(method + ": " + answer);
        return answer.body().getAsJsonObject("result");
    }

    /** Publishes {@code {"n": first}} to {@code {"n": last}}. */
    static void publishFromServer(String channel, int first, int last) throws Exception {
        for (int n = first; n <= last; n++) api("publish", Map.of("channel", channel, "data", Map.of("n", n)));
    }
}
