import FlyingSocks
import FoundationEssentials
import Synchronization

/// What a scraper asks for.
struct ScrapeRequest: Sendable {
    let method: String
    let path: String

    /// Reads the first line of a head: `GET /metrics?x=1 HTTP/1.1`; nil for anything else.
    init?(head: [UInt8]) {
        let line = head.prefix { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }
        let words = String(decoding: line, as: UTF8.self).split(separator: " ")
        guard words.count == 3, words[2].hasPrefix("HTTP/1."), words[1].hasPrefix("/") else { return nil }
        method = String(words[0])
        path = String(words[1].prefix { $0 != "?" })
    }
}

/// What it gets.
struct ScrapeResponse: Sendable {
    let status: String
    var type = "text/plain; charset=utf-8"
    var body = ""

    var bytes: Data {
        let head = [
            "HTTP/1.1 \(status)", "Content-Type: \(type)", "Content-Length: \(body.utf8.count)", "Connection: close",
        ]
        return Data((head.joined(separator: "\r\n") + "\r\n\r\n" + body).utf8)
    }
}

/// An HTTP server for one kind of request: a head of a few hundred bytes, one answer, and the connection is closed.
///
/// Whoever sends more, or sends slowly, holds nobody else: a head has at most 8 KiB and ten seconds, and of 64 connections at a time
/// the next one is refused.
struct ScrapeServer: Sendable {
    static let longestHead = 8192
    static let patience = Duration.seconds(10)
    static let connections = 64

    private let socket: Socket
    private let pool: any AsyncSocketPool
    private let answer: @Sendable (ScrapeRequest) async -> ScrapeResponse
    private let open = OpenConnections()

    /// Listens on `address`.
    init(_ address: some SocketAddress, answer: @escaping @Sendable (ScrapeRequest) async -> ScrapeResponse) throws {
        socket = try Socket(domain: Int32(type(of: address).family))
        pool = SocketPool.make()
        self.answer = answer
        do {
            try socket.setValue(true, for: .localAddressReuse)
            try socket.bind(to: address)
            try socket.listen()
        } catch {
            try? socket.close()
            throw error
        }
    }

    /// The port that it listens on.
    var port: UInt16? {
        switch try? socket.sockname() {
        case .ip4(_, let port), .ip6(_, let port): port
        default: nil
        }
    }

    /// To be called before ``run()``; from here on connections wait for it.
    func prepare() async throws { try await pool.prepare() }

    /// Answers until the task is cancelled.
    func run() async throws {
        defer { try? socket.close() }
        let listening = try AsyncSocket(socket: socket, pool: pool)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await pool.run() }
            group.addTask { try await accept(listening) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func accept(_ listening: AsyncSocket) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            while true {
                let connection = try await listening.accept()
                guard open.enter() else {
                    try? connection.close()
                    continue
                }
                group.addTask {
                    await serve(connection)
                    open.leave()
                }
            }
        }
    }

    /// One request within the time there is for it.
    private func serve(_ connection: AsyncSocket) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                guard let response = try? await respond(connection) else { return }
                try? await connection.write(response.bytes)
            }
            group.addTask { try? await Task.sleep(for: Self.patience) }
            await group.next()
            group.cancelAll()
        }
        try? connection.close()
    }

    private func respond(_ connection: AsyncSocket) async throws -> ScrapeResponse {
        var head: [UInt8] = []
        while !Self.isWhole(head) {
            guard head.count < Self.longestHead else { return ScrapeResponse(status: "431 Request Header Fields Too Large") }
            head += try await connection.read(atMost: 2048)
        }
        guard let request = ScrapeRequest(head: head) else { return ScrapeResponse(status: "400 Bad Request") }
        return await answer(request)
    }

    /// True when the empty line that ends a head has come.
    private static func isWhole(_ head: [UInt8]) -> Bool {
        head.suffix(2052).firstRange(of: [0x0D, 0x0A, 0x0D, 0x0A]) != nil || head.suffix(2050).firstRange(of: [0x0A, 0x0A]) != nil
    }
}

/// How many connections are open.
private final class OpenConnections: Sendable {
    private let count = Mutex(0)

    /// True when there is room for one more.
    func enter() -> Bool {
        count.withLock { count in
            guard count < ScrapeServer.connections else { return false }
            count += 1
            return true
        }
    }

    func leave() { count.withLock { $0 -= 1 } }
}
