import Foundation

/// libFuzzer's entry. The target's name is in the environment, because one binary serves all of them.
private let target = FuzzProperties.targets[ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? ""]

/// Called by libFuzzer with one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let target else { fatalError("set FUZZ_TARGET to one of \(FuzzProperties.targets.keys.sorted())") }
    if let problem = target(Array(UnsafeBufferPointer(start: start, count: count))) { fatalError(problem) }
    return 0
}
