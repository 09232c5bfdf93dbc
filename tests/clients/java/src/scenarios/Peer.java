package scenarios;

import io.github.centrifugal.centrifuge.Client;
import io.github.centrifugal.centrifuge.ClientState;
import io.github.centrifugal.centrifuge.ConnectedEvent;
import io.github.centrifugal.centrifuge.ConnectingEvent;
import io.github.centrifugal.centrifuge.DisconnectedEvent;
import io.github.centrifugal.centrifuge.EventListener;
import io.github.centrifugal.centrifuge.Options;
import io.github.centrifugal.centrifuge.ServerPublicationEvent;
import io.github.centrifugal.centrifuge.ServerSubscribedEvent;
import io.github.centrifugal.centrifuge.ServerUnsubscribedEvent;
import io.github.centrifugal.centrifuge.SubscriptionOptions;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A client with its network connection (the line) and its events. */
final class Peer implements AutoCloseable {
    static final long PATIENCE_SECONDS = 10;
    /** Much longer than the pauses of these clients before they reconnect. */
    static final long QUIET_MS = 1500;

    final Client client;
    final Line line;
    final Heard<ConnectingEvent> connecting = new Heard<>("attempt to connect");
    final Heard<ConnectedEvent> connected = new Heard<>("connection");
    final Heard<DisconnectedEvent> disconnected = new Heard<>("end");
    final Heard<ServerSubscribedEvent> subscribed = new Heard<>("subscription by the server");
    final Heard<ServerUnsubscribedEvent> unsubscribed = new Heard<>("end of a subscription by the server");
    final Heard<ServerPublicationEvent> publications = new Heard<>("publication");

    Peer(String route, Options options) throws Exception {
        line = new Line(Server.address());
        options.setMinReconnectDelay(50);
        options.setMaxReconnectDelay(200);
        options.setTimeout((int) TimeUnit.SECONDS.toMillis(PATIENCE_SECONDS));
        client = new Client("ws://" + line.address() + route, options, new Listener());
    }

    /** Keeps the events. */
    private final class Listener extends EventListener {
        @Override
        public void onConnecting(Client client, ConnectingEvent event) {
            connecting.keep(event);
        }

        @Override
        public void onConnected(Client client, ConnectedEvent event) {
            connected.keep(event);
        }

        @Override
        public void onDisconnected(Client client, DisconnectedEvent event) {
            disconnected.keep(event);
        }

        @Override
        public void onSubscribed(Client client, ServerSubscribedEvent event) {
            subscribed.keep(event);
        }

        @Override
        public void onUnsubscribed(Client client, ServerUnsubscribedEvent event) {
            unsubscribed.keep(event);
        }

        @Override
        public void onPublication(Client client, ServerPublicationEvent event) {
            publications.keep(event);
        }
    }

    Peer connect() throws Exception {
        client.connect();
        connected.next();
        return this;
    }

    /** Cuts the line and waits until the client has noticed the loss. */
    void cut() throws Exception {
        while (connecting.waiting() > 0) connecting.next();
        line.cut();
        connecting.next();
    }

    /** Waits for the end of the connection. After the end, the client must not try to connect. */
    DisconnectedEvent ended() throws Exception {
        DisconnectedEvent end = disconnected.next();
        int before = line.attempts();
        Thread.sleep(QUIET_MS);
        Failure.unlessSame(List.of(client.getState(), line.attempts()), List.of(ClientState.DISCONNECTED, before));
        return end;
    }

    /** Requests a subscription and does not wait for the answer. */
    Ear subscribing(String channel, SubscriptionOptions options) throws Exception {
        return new Ear(client, channel, options);
    }

    Ear subscribed(String channel, SubscriptionOptions options) throws Exception {
        Ear ear = subscribing(channel, options);
        ear.subscribed.next();
        return ear;
    }

    Ear subscribed(String channel) throws Exception {
        return subscribed(channel, new SubscriptionOptions());
    }

    @Override
    public void close() throws IOException {
        client.disconnect();
        line.close();
    }
}
