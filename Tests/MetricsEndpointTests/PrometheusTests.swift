import CoreMetrics
import MetricsEndpoint
import Testing

@Suite struct PrometheusTests {
    private func registry(_ buckets: [Double] = [1, 2.5], help: [String: String] = [:]) -> PrometheusRegistry {
        PrometheusRegistry(help: help) { _, _ in buckets }
    }

    @Test func countersAndGauges() {
        let registry = registry(help: ["done": "What is done."])
        Counter(label: "done", dimensions: [("b", "2"), ("a", "1")], factory: registry).increment(by: 3)
        Counter(label: "done", dimensions: [("a", "1"), ("b", "2")], factory: registry).increment()
        Counter(label: "done", dimensions: [("a", "0"), ("b", "2")], factory: registry).increment()
        FloatingPointCounter(label: "seconds", factory: registry).increment(by: 0.25)
        let meter = Meter(label: "open", factory: registry)
        meter.set(7)
        meter.decrement()
        Gauge(label: "level", factory: registry).record(-1.5)
        #expect(
            registry.text == """
                # HELP done What is done.
                # TYPE done counter
                done{a="0",b="2"} 1
                done{a="1",b="2"} 4
                # TYPE level gauge
                level -1.5
                # TYPE open gauge
                open 6
                # TYPE seconds counter
                seconds 0.25

                """)
    }

    @Test func bucketsAreCumulativeAndABoundBelongsToItsBucket() {
        let registry = registry()
        let recorder = Recorder(label: "size", dimensions: [("q", "x")], factory: registry)
        for value in [1.0, 2.5, 2.6, 0, 100] { recorder.record(value) }
        #expect(
            registry.text == """
                # TYPE size histogram
                size_bucket{q="x",le="1"} 2
                size_bucket{q="x",le="2.5"} 3
                size_bucket{q="x",le="+Inf"} 5
                size_sum{q="x"} 106.1
                size_count{q="x"} 5

                """)
    }

    @Test func timersAreInSeconds() {
        let registry = registry()
        let timer = Timer(label: "took", factory: registry)
        timer.recordMilliseconds(1500)
        timer.recordNanoseconds(500_000_000)
        #expect(
            registry.text == """
                # TYPE took histogram
                took_bucket{le="1"} 1
                took_bucket{le="2.5"} 2
                took_bucket{le="+Inf"} 2
                took_sum 2
                took_count 2

                """)
    }

    @Test func whatTheFormatReservesIsEscaped() {
        let registry = registry(help: ["a_b": "one \\ two\nthree \"four\""])
        Counter(label: "a.b", dimensions: [("the-name", "back\\slash \"quote\"\nline ü")], factory: registry).increment()
        #expect(
            registry.text == #"""
                # HELP a_b one \\ two\nthree "four"
                # TYPE a_b counter
                a_b{the_name="back\\slash \"quote\"\nline ü"} 1

                """#)
    }

    @Test(arguments: [("9lives", "_9lives"), ("a:b", "a:b"), ("", "_"), ("größe", "gr__e")]) func namesAreMadeUsable(
        name: String, expected: String
    ) {
        let registry = registry()
        Counter(label: name, factory: registry).increment()
        #expect(registry.text == "# TYPE \(expected) counter\n\(expected) 1\n")
    }

    @Test(arguments: [(Double.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"), (1e300, "1e+300"), (0.1, "0.1")])
    func numbers(value: Double, expected: String) {
        let registry = registry()
        Meter(label: "x", factory: registry).set(value)
        #expect(registry.text == "# TYPE x gauge\nx \(expected)\n")
    }

    @Test func aNameKeepsItsKind() {
        let registry = registry()
        Counter(label: "x", factory: registry).increment()
        Meter(label: "x", factory: registry).set(9)
        Timer(label: "x", factory: registry).recordSeconds(1)
        #expect(registry.text == "# TYPE x counter\nx 1\n")
    }

    @Test func whatIsDestroyedIsGone() {
        let registry = registry()
        let counter = Counter(label: "x", factory: registry)
        Counter(label: "y", factory: registry).increment()
        counter.destroy()
        #expect(registry.text == "# TYPE y counter\ny 1\n")
        Meter(label: "x", factory: registry).set(1)
        #expect(registry.text.contains("# TYPE x gauge\nx 1\n"))
    }

    @Test func theStandardBucketsAscend() {
        for buckets in [Buckets.seconds, Buckets.counts] { #expect(buckets == buckets.sorted() && Set(buckets).count == buckets.count) }
    }

    @Test func manyTasksCountWithoutALoss() async {
        let registry = registry()
        let counter = Counter(label: "x", factory: registry)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { for _ in 0..<1000 { counter.increment() } }
            }
        }
        #expect(registry.text == "# TYPE x counter\nx 8000\n")
    }
}
