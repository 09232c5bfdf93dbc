package scenarios;

import java.util.Objects;

/** A step of a scenario did not go as it must. */
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
