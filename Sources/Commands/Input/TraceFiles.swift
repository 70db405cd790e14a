import Bridge
package import Events

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Trace files as one trace, in order of receipt. All lines are read once before anything is played, so that a line that cannot be read
/// is refused with its place; what is kept of them is where those lines begin that are not met in the order of the file.
package struct TraceFiles: RecordedTrace {
    /// Where a line begins, and the time by which it is ordered.
    fileprivate struct Place: Comparable {
        let at: Timestamp
        let file: Int
        let offset: Int

        static func < (left: Place, right: Place) -> Bool {
            (left.at, left.file, left.offset) < (right.at, right.file, right.offset)
        }
    }

    /// Required by ``RecordedTrace``, which says what it does.
    package let digest: String
    /// How many lines there are.
    package let count: Int
    private let paths: [String]
    /// The order of receipt where it is not the order of the files; nil where it is.
    private var received: ArraySlice<Place>?
    private var early: ArraySlice<Place>
    private var reading: (file: Int, lines: ByteLines)?

    /// Reads the files. Throws a sentence with file and line, or that a file is none that can be read twice.
    package init(_ paths: [String]) throws {
        let survey = try TraceSurvey(paths)
        self.paths = paths
        (digest, count) = (survey.digest, survey.count)
        early = survey.early.sorted()[...]
        received = survey.isOrdered ? nil : try TraceSurvey.places(paths).sorted()[...]
    }

    /// Required by ``RecordedTrace``, which says what it does.
    package mutating func nextReceived() throws -> TraceLine? {
        guard received == nil else { return try received?.popFirst().map(line) }
        while true {
            let file = reading?.file ?? 0
            guard file < paths.count else { return nil }
            let lines = try reading?.lines ?? ByteLines(path: paths[file])
            reading = (file, lines)
            if let line = try lines.next() { return try Self.parse(line, lines.name) }
            guard file + 1 < paths.count else { return nil }
            reading = (file + 1, try ByteLines(path: paths[file + 1]))
        }
    }

    /// Required by ``RecordedTrace``, which says what it does.
    package mutating func nextEarly() throws -> TraceLine? { try early.popFirst().map(line) }

    private func line(at place: Place) throws -> TraceLine {
        let lines = try ByteLines(path: paths[place.file], from: place.offset)
        guard let line = try lines.next() else { throw Self.changed(lines.name) }
        return try Self.parse(line, lines.name)
    }

    private static func parse(_ line: ByteLine, _ name: String) throws -> TraceLine {
        do { return try line.trace() } catch { throw changed(name) }
    }

    private static func changed(_ name: String) -> CommandFailure {
        CommandFailure(
            .environment, "\(name): expected a file that stays as it is while it is played, found that it has changed; run it again")
    }
}

/// What a first reading of trace files comes to.
private struct TraceSurvey {
    var count = 0
    var early: [TraceFiles.Place] = []
    var isOrdered = true
    private var hash = RunningHash()

    var digest: String { hash.hexadecimal }

    init(_ paths: [String]) throws {
        var last = Timestamp(milliseconds: .min)
        for (file, path) in paths.enumerated() {
            try Self.requireRegular(path)
            let lines = try ByteLines(path: path)
            while let line = try lines.next() {
                let trace = try Self.read(line, path)
                hash.add(line.bytes)
                if trace.isEarly { early.append(.init(at: trace.happenedAt, file: file, offset: line.offset)) }
                isOrdered = isOrdered && last <= trace.receivedAt
                last = trace.receivedAt
                count += 1
            }
        }
    }

    /// Where every line begins.
    static func places(_ paths: [String]) throws -> [TraceFiles.Place] {
        var places: [TraceFiles.Place] = []
        for (file, path) in paths.enumerated() {
            let lines = try ByteLines(path: path)
            while let line = try lines.next() {
                places.append(.init(at: try read(line, path).receivedAt, file: file, offset: line.offset))
            }
        }
        return places
    }

    private static func read(_ line: ByteLine, _ path: String) throws -> TraceLine {
        do { return try line.trace() } catch { throw TraceError("\(path):\(line.number): \(error)") }
    }

    private static func requireRegular(_ path: String) throws {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG else { return }
        throw CommandFailure(
            .usage,
            "\(path): expected a file that can be read twice, found none such; play a pipe with '\(Program.name) run --events \(path)'")
    }
}

/// The digest of lines, whatever blank lines and line breaks stand between them.
private struct RunningHash {
    private var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    private var count = 0

    mutating func add(_ line: ArraySlice<UInt8>) {
        let content = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
        for byte in content { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        hash = (hash ^ UInt64(UInt8(ascii: "\n"))) &* 0x0000_0100_0000_01b3
        count += 1
    }

    var hexadecimal: String { StableHash.hexadecimal("\(hash) \(count)") }
}
