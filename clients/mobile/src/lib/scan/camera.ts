/** The rear camera: opened for reading codes only, closed as soon as the screen is left. */

export type CameraFault = "missing" | "denied" | "busy" | "unsupported";

export class CameraError extends Error {
  readonly fault: CameraFault;

  constructor(fault: CameraFault) {
    super(`camera ${fault}`);
    this.name = "CameraError";
    this.fault = fault;
  }
}

interface TorchCapabilities extends MediaTrackCapabilities {
  torch?: boolean;
}

function faultOf(error: unknown): CameraFault {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "denied";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "missing";
  return "busy";
}

export class Camera {
  readonly #stream: MediaStream;

  private constructor(stream: MediaStream) {
    this.#stream = stream;
  }

  /** @throws CameraError naming what to tell the person */
  static async open(video: HTMLVideoElement): Promise<Camera> {
    if (!("mediaDevices" in navigator)) throw new CameraError("unsupported");
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        audio: false,
        video: { facingMode: { ideal: "environment" }, width: { ideal: 1280 }, height: { ideal: 720 } },
      });
      video.srcObject = stream;
      await video.play();
      return new Camera(stream);
    } catch (error) {
      throw new CameraError(faultOf(error));
    }
  }

  get hasTorch(): boolean {
    const [track] = this.#stream.getVideoTracks();
    return (track?.getCapabilities() as TorchCapabilities | undefined)?.torch === true;
  }

  async setTorch(on: boolean): Promise<void> {
    const [track] = this.#stream.getVideoTracks();
    await track?.applyConstraints({ advanced: [{ torch: on } as MediaTrackConstraintSet] });
  }

  close(): void {
    for (const track of this.#stream.getTracks()) track.stop();
  }
}
