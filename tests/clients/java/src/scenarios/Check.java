package scenarios;

/** Something to be found out: it throws unless all goes as it must. */
interface Check {
    void run() throws Exception;
}
