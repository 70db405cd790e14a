/// The machines that ship with the binary, as maps: their states without their code.
public enum EmbeddedMachines {
    /// The built-in registration machine, as `lockstep machine --format map` prints it.
    public static let registration = String(decoding: PackageResources.a2p_registration_json, as: UTF8.self)
}
