package scenarios;

import java.util.Objects;

/** The reason why a scenario failed. */
final class Failure extends Exception {
    private static final long serialVersionUID = 1;

    Failure(String why) {
        super(why);
    }

    /** Fails unless both are equal. */
    static void unlessSame(Object found, Object expected) throws Failure {
        if (!Objects.equals(found, expected)) throw new Failure(found + " instead of " + expected);
    }
}
