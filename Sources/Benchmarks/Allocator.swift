#if canImport(Glibc)
    import Glibc

    @_silgen_name("malloc_trim") private func trim(_ pad: Int) -> CInt
    @_silgen_name("mallopt") private func set(_ option: CInt, _ value: CInt) -> CInt
    @_silgen_name("malloc_info") private func info(_ options: CInt, _ stream: UnsafeMutablePointer<FILE>) -> CInt
#endif

/// What the process's allocator knows and can be told; elsewhere than with glibc, the process's memory is all that is known.
enum Allocator {
    /// Lets it give back what is free at the end of a heap. Otherwise it raises the size that it keeps spare to twice that of the largest
    /// table that was ever freed: with a table of 100,000 workflows that is megabytes, of which nobody can tell whose they are.
    static func keepNothingSpare() {
        #if canImport(Glibc)
            _ = set(-1, 128 * 1024)
        #endif
    }

    /// The process's memory once the allocator has given back to the kernel what is free.
    static func settledBytes() -> Int {
        #if canImport(Glibc)
            _ = trim(0)
        #endif
        return Measuring.residentBytes()
    }

    /// What it has given out and not got back: exact, where the memory of a process is counted in pages.
    static func bytesInUse() -> Int {
        #if canImport(Glibc)
            if let text = report() { return bytesInUse(of: text) }
        #endif
        return settledBytes()
    }

    #if canImport(Glibc)
        private static func report() -> String? {
            var text: UnsafeMutablePointer<CChar>?
            var size = 0
            guard let stream = open_memstream(&text, &size) else { return nil }
            let isWritten = info(0, stream) == 0
            fclose(stream)
            defer { free(text) }
            return isWritten ? text.map { String(cString: $0) } : nil
        }
    #endif

    /// From what `malloc_info` writes: what all heaps have from the kernel, without what is free in them, and blocks that have a mapping of
    /// their own. The totals of all heaps come last.
    static func bytesInUse(of report: String) -> Int {
        func size(_ element: String) -> Int {
            let line = report.split(separator: "\n").last { $0.hasPrefix("<\(element)") } ?? ""
            return Int(line.split(separator: "\"").last { $0.allSatisfy(\.isNumber) } ?? "") ?? 0
        }
        return size("system type=\"current\"") + size("total type=\"mmap\"") - size("total type=\"fast\"") - size("total type=\"rest\"")
    }
}
