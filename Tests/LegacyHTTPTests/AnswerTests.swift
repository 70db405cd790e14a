import Events
import Foundation
import LegacyHTTP
import LegacyStateMachine
import Synchronization
import Testing

/// Services that send what no service should: each costs its own call, and nothing else.
@Suite struct AnswerTests {
    @Test func anAnswerWithoutEndIsBrokenOff() async throws {
        let server = try RawServer(
            head: "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", chunk: String(repeating: "[", count: 1 << 16))
        let error = await #expect(throws: LegacyFault.self) { try await HTTPLegacy(server.url, timeout: .seconds(60)).machine() }
        #expect("\(try #require(error))".contains("expected JSON of at most 16 MiB in the answer to machine, found more"))
    }

    /// Each byte ends a silence, so the limit is that of the whole answer.
    @Test func anAnswerThatTricklesIsNotWaitedForForEver() async throws {
        let server = try RawServer(head: "HTTP/1.1 200 OK\r\n\r\n", chunk: " ", pause: 50_000)
        let error = await #expect(throws: LegacyUnreachable.self) {
            try await HTTPLegacy(server.url, timeout: .milliseconds(600)).machine()
        }
        #expect("\(try #require(error))".contains("expected an answer to machine within"))
    }

    @Test func aCancelledCallEndsAtOnce() async throws {
        let server = try RawServer(head: "HTTP/1.1 200 OK\r\n\r\n", chunk: " ", pause: 50_000)
        let call = Task { try await HTTPLegacy(server.url, timeout: .seconds(600)).machine() }
        await server.waitUntilCalled()
        call.cancel()
        await #expect(throws: CancellationError.self) { try await call.value }
    }

    @Test func aWholeAnswerIsRead() async throws {
        let body = #"{"cursor":"7","changes":[],"more":false}"#
        let server = try RawServer(
            head: "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n", chunk: body, times: 1)
        let changes = try await HTTPLegacy(server.url).changes(after: nil, limit: 10)
        #expect(changes.changes.isEmpty)
    }
}

/// Answers every connection with a head and then a chunk over and over, until the other side hangs up.
private final class RawServer: Sendable {
    let url: String
    private let descriptor: Int32
    private let calls: AsyncStream<Void>

    init(head: String, chunk: String, pause: UInt32 = 0, times: Int = .max) throws {
        let listening = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                _ = bind(listening, address, length)
                _ = getsockname(listening, address, &length)
            }
        }
        guard listen(listening, 8) == 0 else { throw POSIXError(.EADDRNOTAVAIL) }
        url = "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
        descriptor = listening
        let (calls, called) = AsyncStream.makeStream(of: Void.self)
        self.calls = calls
        Thread.detachNewThread {
            while true {
                let connection = accept(listening, nil, nil)
                guard connection >= 0 else { return }
                Thread.detachNewThread { Self.answer(connection, head, chunk, pause, times, called) }
            }
        }
    }

    deinit { close(descriptor) }

    /// Returns when somebody has been given the head.
    func waitUntilCalled() async { for await _ in calls { return } }

    private static func answer(
        _ connection: Int32, _ head: String, _ chunk: String, _ pause: UInt32, _ times: Int, _ called: AsyncStream<Void>.Continuation
    ) {
        var request = [UInt8](repeating: 0, count: 4096)
        _ = recv(connection, &request, request.count, 0)
        func write(_ text: String) -> Bool {
            let bytes = Array(text.utf8)
            return send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL)) > 0
        }
        var isOpen = write(head)
        called.yield()
        var sent = 0
        while isOpen, sent < times {
            isOpen = write(chunk)
            sent += 1
            if pause > 0 { usleep(pause) }
        }
        close(connection)
    }
}
