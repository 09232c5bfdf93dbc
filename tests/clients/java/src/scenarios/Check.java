package scenarios;

/** A check. It throws if it fails. */
interface Check {
    void run() throws Exception;
}
