package scenarios;

import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** The events of one kind, in order. */
final class Heard<T> {
    private final String what;
    private final BlockingQueue<T> come = new LinkedBlockingQueue<>();

    Heard(String what) {
        this.what = what;
    }

    void keep(T event) {
        come.add(event);
    }

    /** Takes the next event, and waits for it if necessary. */
    T next() throws Exception {
        return within(Peer.PATIENCE_SECONDS);
    }

    T within(long seconds) throws Exception {
        T event = come.poll(seconds, TimeUnit.SECONDS);
        if (event == null) throw new Failure("no " + what + " within " + seconds + " s");
        return event;
    }

    /** The number of events that have not been taken. */
    int waiting() {
        return come.size();
    }
}
