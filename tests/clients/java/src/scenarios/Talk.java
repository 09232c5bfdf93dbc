package scenarios;

import io.github.centrifugal.centrifuge.Options;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The clients of one scenario. The clients are kept until the scenario ends. */
final class Talk implements AutoCloseable {
    private final List<Peer> peers = new ArrayList<>();

    /** A client that has not connected. */
    Peer peer(Options options) throws Exception {
        Peer peer = new Peer("/connection/websocket", options);
        peers.add(peer);
        return peer;
    }

    Peer connected(String user) throws Exception {
        Options options = new Options();
        options.setToken(Application.token(Map.of("sub", user)));
        return peer(options).connect();
    }

    @Override
    public void close() throws IOException {
        for (Peer peer : peers) peer.close();
    }
}
