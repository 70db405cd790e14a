/// Delta debugging: finds a part of a list that still fails, of which every element is needed.
public enum Minimizer {
    /// A sublist, in order, for which `fails` still holds, and for which it no longer holds when any one element is left out. The whole list
    /// when it does not fail.
    ///
    /// Tries to leave out halves, then quarters and smaller parts, and begins anew with what is left.
    public static func minimize<Element>(_ elements: [Element], while fails: ([Element]) async throws -> Bool) async rethrows -> [Element] {
        guard try await fails(elements) else { return elements }
        var kept = elements
        var parts = 2
        while kept.count > 1 {
            if let smaller = try await withoutOnePart(kept, of: min(parts, kept.count), fails) {
                kept = smaller
                parts = max(2, parts - 1)
            } else if parts >= kept.count {
                break
            } else {
                parts = min(kept.count, parts * 2)
            }
        }
        return kept
    }

    /// The list without the first part that is not needed; nil when all are.
    private static func withoutOnePart<Element>(
        _ elements: [Element], of parts: Int, _ fails: ([Element]) async throws -> Bool
    ) async rethrows -> [Element]? {
        for part in 0..<parts {
            let (start, end) = (elements.count * part / parts, elements.count * (part + 1) / parts)
            let rest = Array(elements[..<start] + elements[end...])
            if !rest.isEmpty, try await fails(rest) { return rest }
        }
        return nil
    }
}
