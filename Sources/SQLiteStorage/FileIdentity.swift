#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A file as the kernel knows it, whatever names lead to it.
///
/// It is asked for before each commit. With `stat` that would make the commit a third slower: `stat` also asks when the file was changed, Linux
/// then notes the moment of the next change exactly, and `fdatasync` has to write that, too. `statx` can ask for the inode alone.
struct FileIdentity: Hashable, Sendable {
    private let device: UInt64
    private let inode: UInt64

    /// The file at `path`; nil when there is none.
    init?(path: String) { self.init(Self.currentFolder, path) }

    /// The open file; nil when `descriptor` is none.
    init?(descriptor: CInt) { self.init(descriptor, "") }

    private static let currentFolder: CInt = -100

    private init?(_ descriptor: CInt, _ path: String) {
        if let statx = Self.statx {
            guard let found = Self.ask(statx, descriptor, path) else { return nil }
            self = found
        } else {
            var status = stat()
            guard (path.isEmpty ? fstat(descriptor, &status) : stat(path, &status)) == 0 else { return nil }
            self.init(device: UInt64(truncatingIfNeeded: status.st_dev), inode: UInt64(truncatingIfNeeded: status.st_ino))
        }
    }

    private init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }

    private typealias Statx = @convention(c) (CInt, UnsafePointer<CChar>, CInt, CUnsignedInt, UnsafeMutableRawPointer) -> CInt

    /// The C library declares it for GNU code alone; nil where there is none, or where a sandbox forbids it.
    private static let statx: Statx? = {
        #if os(Linux)
            guard let symbol = dlsym(nil, "statx") else { return nil }
            let statx = unsafeBitCast(symbol, to: Statx.self)
            return ask(statx, currentFolder, "/") == nil ? nil : statx
        #else
            return nil
        #endif
    }()

    /// The kernel's layout: the inode at byte 32 of 256, the device's two numbers at 136 and 140.
    private static func ask(_ statx: Statx, _ descriptor: CInt, _ path: String) -> FileIdentity? {
        let (emptyPath, inodeAlone): (CInt, CUnsignedInt) = (0x1000, 0x100)
        return withUnsafeTemporaryAllocation(byteCount: 256, alignment: 8) { buffer in
            guard let start = buffer.baseAddress, statx(descriptor, path, path.isEmpty ? emptyPath : 0, inodeAlone, start) == 0 else {
                return nil
            }
            let device = [136, 140].map { UInt64(start.load(fromByteOffset: $0, as: UInt32.self)) }
            return FileIdentity(device: device[0] << 32 | device[1], inode: start.load(fromByteOffset: 32, as: UInt64.self))
        }
    }
}
