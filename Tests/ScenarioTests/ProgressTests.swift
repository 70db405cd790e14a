import Commands
import Testing

@Suite struct ProgressTests {
    @Test(
        arguments: [
            (1.9, 1, 5, nil), (2, 0, 5, nil), (10, 5, 5, nil), (2, 2, 3, "1 s"), (10, 2, 4, "10 s"), (10, 1, 5, "40 s"),
            (60, 1, 5, "4 min"),
            (3600, 1, 3, "2 h"), (3600, 10, 28, "2 h"),
        ] as [(Double, Int, Int, String?)]) func theTimeThatTheRestTakes(seconds: Double, done: Int, total: Int, left: String?)
    {
        #expect(Progress.left(after: .milliseconds(Int64(seconds * 1000)), done, of: total) == left)
    }
}
