package scenarios;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** The server under test: its address, HTTP requests to it, and the commands of its operator. */
final class Server {
    /** The default HTTP client of Java applications. Over plain HTTP, it offers HTTP/2 in its requests. */
    private static final HttpClient CLIENT = HttpClient.newHttpClient();
    private static final Gson GSON = new Gson();

    private Server() {}

    /** The facts that the server wrote to {@code dev.json}. */
    static JsonObject facts() throws Exception {
        Path state = Path.of(System.getenv("PORTCULLIS_STATE"));
        return JsonParser.parseString(Files.readString(state.resolve("data/dev.json"))).getAsJsonObject();
    }

    static URI address() throws Exception {
        return URI.create(facts().get("http").getAsString());
    }

    /** An answer to a request. */
    record Answer(int status, JsonObject body) {
        JsonObject accepted(String route) throws Failure {
            if (status < 200 || status > 299) throw new Failure(route + ": " + status + " " + body);
            return body;
        }
    }

    /** Posts the body as JSON. If there is a sender, it is the name and value of a header. */
    static Answer post(String route, List<String> sender, Object body) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(address().resolve(route))
                .timeout(Duration.ofSeconds(15))
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(GSON.toJson(body)));
        if (!sender.isEmpty()) request.header(sender.get(0), sender.get(1));
        HttpResponse<String> answer = CLIENT.send(request.build(), BodyHandlers.ofString());
        JsonElement read = answer.body().isEmpty() ? new JsonObject() : JsonParser.parseString(answer.body());
        return new Answer(answer.statusCode(), read.getAsJsonObject());
    }

    /**
     * Runs server.sh, which restarts the server or runs a command of an operator. run.sh starts this program in the directory
     * of server.sh.
     */
    static void control(String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of("./server.sh"));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) throw new Failure(command + ": " + output);
    }
}
