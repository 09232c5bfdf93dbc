package scenarios;

/** Counts facts, which several scenarios report at once. */
final class Score {
    private int passed;
    private int failed;

    /** Prints whether the check ran to its end. */
    void fact(String name, Check check) {
        Exception why = null;
        try {
            check.run();
        } catch (Exception error) {
            why = error;
        }
        note(name, why);
    }

    private synchronized void note(String name, Exception why) {
        if (why == null) {
            passed++;
            System.out.println("ok - " + name);
        } else {
            failed++;
            System.out.println("not ok - " + name + ": " + (why instanceof Failure ? why.getMessage() : why));
        }
    }

    /** The closing line; whether everything held. */
    synchronized boolean close() {
        System.out.println(passed + " passed, " + failed + " failed");
        return failed == 0;
    }
}
