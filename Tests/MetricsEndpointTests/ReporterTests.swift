import CoreMetrics
import FlyingSocks
import Foundation
import MetricsEndpoint
import Synchronization
import Testing

@Suite struct DestinationTests {
    @Test(arguments: [
        ("127.0.0.1:9464", MetricsDestination.address(host: "127.0.0.1", port: 9464)), (":0", .address(host: "", port: 0)),
        ("localhost:1", .address(host: "localhost", port: 1)), ("[::1]:9464", .address(host: "[::1]", port: 9464)),
        ("metrics.prom", .file("metrics.prom")), ("./a:1", .file("./a:1")), ("/tmp/x:80", .file("/tmp/x:80")), ("a:b", .file("a:b")),
        ("a:", .file("a:")), ("a:70000", .file("a:70000")),
    ]) func anAddressIsToldFromAPath(text: String, expected: MetricsDestination) { #expect(MetricsDestination(text) == expected) }
}

@Suite struct ReporterTests {
    private let registry = PrometheusRegistry()
    private let path = NSTemporaryDirectory() + "lockstep-metrics-\(UUID().uuidString).prom"

    private func content() -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

    @Test func aFileIsThereFromTheBeginningAndWholeAtTheEnd() async throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let counter = Counter(label: "x", factory: registry)
        let refreshed = Mutex(0)
        let reporter = MetricsReporter(registry, to: .file(path), every: .seconds(3600)) { refreshed.withLock { $0 += 1 } }
        let value = try await reporter.run {
            #expect(content() == "# TYPE x counter\nx 0\n")
            counter.increment()
            return 5
        }
        #expect(value == 5)
        #expect(content() == "# TYPE x counter\nx 1\n")
        #expect(refreshed.withLock { $0 } == 2)
    }

    @Test func aFileIsRenewedMeanwhile() async throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let (writes, write) = AsyncStream.makeStream(of: Void.self)
        let counter = Counter(label: "x", factory: registry)
        try await MetricsReporter(registry, to: .file(path), every: .milliseconds(1)) { write.yield() }.run {
            counter.increment()
            // The first is at the beginning; a third one begins only when the second is written.
            var seen = 0
            for await _ in writes {
                seen += 1
                if seen == 4 { break }
            }
            #expect(content() == "# TYPE x counter\nx 1\n")
        }
    }

    @Test func theLastFiguresAreWrittenEvenWhenTheWorkFails() async throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        struct Stop: Error {}
        let counter = Counter(label: "x", factory: registry)
        await #expect(throws: Stop.self) {
            try await MetricsReporter(registry, to: .file(path)).run {
                counter.increment()
                throw Stop()
            }
        }
        #expect(content() == "# TYPE x counter\nx 1\n")
    }

    @Test func aFileThatCannotBeWrittenIsRefusedBeforeAnythingRuns() async throws {
        let hasRun = Mutex(false)
        await #expect(throws: MetricsRefusal.self) {
            try await MetricsReporter(registry, to: .file("/proc/no/such/file")).run { hasRun.withLock { $0 = true } }
        }
        #expect(!hasRun.withLock { $0 })
    }

    @Test func aScrapeOverARealSocket() async throws {
        let counter = Counter(label: "x", factory: registry)
        let reporter = MetricsReporter(registry, to: .address(host: "127.0.0.1", port: 0)) { counter.increment() }
        let ready = Mutex("")
        try await reporter.run(onReady: { address in ready.withLock { $0 = address } }) {
            let url = try #require(URL(string: ready.withLock { $0 }))
            let port = UInt16(try #require(url.port))
            #expect(url.path == "/metrics" && port > 0)
            let first = try await Self.ask("GET /metrics", port)
            #expect(first.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(first.lowercased().contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"))
            #expect(first.hasSuffix("\r\n\r\n# TYPE x counter\nx 1\n"))
            #expect(try await Self.ask("GET /metrics", port).hasSuffix("\r\n\r\n# TYPE x counter\nx 2\n"))
            #expect(try await Self.ask("GET /", port).hasPrefix("HTTP/1.1 404 "))
            #expect(try await Self.ask("POST /metrics", port).hasPrefix("HTTP/1.1 405 "))
        }
    }

    /// Whoever sends ten megabytes, or half a request, holds nobody else.
    @Test func aRequestWithoutEndHoldsNobody() async throws {
        _ = Counter(label: "x", factory: registry)
        let reporter = MetricsReporter(registry, to: .address(host: "127.0.0.1", port: 0))
        let ready = Mutex("")
        try await reporter.run(onReady: { address in ready.withLock { $0 = address } }) {
            let port = UInt16(try #require(URL(string: ready.withLock { $0 })?.port))
            let pool = SocketPool.make()
            try await pool.prepare()
            let running = Task { try await pool.run() }
            defer { running.cancel() }
            let slow = try await AsyncSocket.connected(to: .inet(ip4: "127.0.0.1", port: port), pool: pool)
            try await slow.write(Data("GET /met".utf8))
            let large = try await AsyncSocket.connected(to: .inet(ip4: "127.0.0.1", port: port), pool: pool)
            await #expect(throws: (any Error).self, "the connection is closed before it is all read") {
                try await large.write(Data(repeating: UInt8(ascii: "a"), count: 64 << 20))
            }
            #expect(try await Self.ask("GET /metrics", port).hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(try await Self.ask("nonsense", port).hasPrefix("HTTP/1.1 400 "))
            try slow.close()
        }
    }

    @Test func aPortThatIsTakenIsRefusedInOneSentence() async throws {
        let first = MetricsReporter(registry, to: .address(host: "127.0.0.1", port: 0))
        let ready = Mutex("")
        try await first.run(onReady: { address in ready.withLock { $0 = address } }) {
            let port = UInt16(try #require(URL(string: ready.withLock { $0 })?.port))
            let second = MetricsReporter(registry, to: .address(host: "127.0.0.1", port: port))
            let refusal = await #expect(throws: MetricsRefusal.self) { try await second.run {} }
            #expect(
                refusal?.description
                    == "127.0.0.1:\(port): expected a port that is free for metrics, found: Address already in use; stop who has it,"
                    + " or name another")
        }
    }

    @Test func aNameIsNoAddress() async throws {
        await #expect(throws: MetricsRefusal.self) {
            try await MetricsReporter(registry, to: .address(host: "metrics.example.test", port: 1)).run {}
        }
    }

    /// One request on a socket of its own; everything that comes back.
    private static func ask(_ request: String, _ port: UInt16) async throws -> String {
        let pool = SocketPool.make()
        try await pool.prepare()
        let running = Task { try await pool.run() }
        defer { running.cancel() }
        let socket = try await AsyncSocket.connected(to: .inet(ip4: "127.0.0.1", port: port), pool: pool)
        try await socket.write(Data("\(request) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".utf8))
        var bytes: [UInt8] = []
        do { for try await byte in socket.bytes { bytes.append(byte) } } catch SocketError.disconnected {}
        try socket.close()
        return String(decoding: bytes, as: UTF8.self)
    }
}
