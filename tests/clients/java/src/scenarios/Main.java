package scenarios;

/** The scenarios of the unmodified centrifuge-java, which uses Protobuf. Prints one line per fact. run.sh starts it. */
public final class Main {
    private Main() {}

    public static void main(String[] arguments) throws InterruptedException {
        Score score = new Score();
        Sessions.play(score);
        Realtime.play(score);
        // Without this call, the threads of the library would keep the program alive.
        System.exit(score.close() ? 0 : 1);
    }
}
