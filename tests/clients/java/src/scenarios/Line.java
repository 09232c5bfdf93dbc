package scenarios;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;

/**
 * The network connection of a client to the server, which a scenario can cut. It forwards bytes and does not interpret
 * them.
 */
final class Line implements AutoCloseable {
    private final ServerSocket listener;
    private final URI server;
    private final List<Socket> open = new ArrayList<>();
    private boolean cut;
    private int attempts;

    Line(URI server) throws IOException {
        this.server = server;
        this.listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        inBackground(this::answer);
    }

    /** Host and port for the client. */
    String address() {
        return "127.0.0.1:" + listener.getLocalPort();
    }

    /** Acts as if the network were lost: open connections are reset, and new ones fail until {@link #mend} is called. */
    synchronized void cut() throws IOException {
        cut = true;
        for (Socket socket : open) {
            if (socket.isClosed()) continue;
            // The connection ends with a reset and without a close frame.
            socket.setSoLinger(true, 0);
            socket.close();
        }
        open.clear();
    }

    synchronized void mend() {
        cut = false;
    }

    /** How often the client has connected, or has tried to. */
    synchronized int attempts() {
        return attempts;
    }

    @Override
    public void close() throws IOException {
        listener.close();
        cut();
    }

    private void answer() throws IOException {
        while (true) admit(listener.accept());
    }

    private synchronized void admit(Socket near) throws IOException {
        attempts++;
        if (cut) {
            near.close();
            return;
        }
        Socket far;
        try {
            far = new Socket(server.getHost(), server.getPort());
        } catch (IOException refused) {
            near.close();
            return;
        }
        near.setTcpNoDelay(true);
        far.setTcpNoDelay(true);
        open.addAll(List.of(near, far));
        inBackground(() -> carry(near, far));
        inBackground(() -> carry(far, near));
    }

    private static void carry(Socket from, Socket to) throws IOException {
        from.getInputStream().transferTo(to.getOutputStream());
        to.shutdownOutput();
    }

    private interface Work {
        void run() throws IOException;
    }

    private static void inBackground(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (IOException closed) {
                // Either side has closed, so there is nothing more to forward.
            }
        });
        thread.setDaemon(true);
        thread.start();
    }
}
