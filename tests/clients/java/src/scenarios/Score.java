package scenarios;

/** Counts facts. Several scenarios report to it concurrently. */
final class Score {
    private int passed;
    private int failed;

    /** Runs a check and prints whether it passed. */
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

    /** Prints the totals. Returns whether every fact is true. */
    synchronized boolean close() {
        System.out.println(passed + " passed, " + failed + " failed");
        return failed == 0;
    }
}
