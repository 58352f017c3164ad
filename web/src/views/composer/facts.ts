// What is told about a file that is sent: its measures and a small picture of it, made here.
import type { FileFacts } from "../../core/core";

/** Largest small picture, as `data:` address, in bytes. */
const thumbnailBytes = 8 * 1024;

/** What is known of a file. What cannot be read as a picture or video is a file like any other. */
export async function factsOf(file: File): Promise<FileFacts> {
  const facts: FileFacts = { name: file.name, mediaType: file.type || "application/octet-stream", inline: false };
  try {
    if (/^image\/(png|jpeg|gif|webp|avif)$/.test(file.type)) return { ...facts, ...(await pictureFacts(file)), inline: true };
    if (file.type.startsWith("video/")) return { ...facts, ...(await videoFacts(file)), inline: true };
  } catch {
    // It is sent as it is.
  }
  return facts;
}

async function pictureFacts(file: Blob): Promise<Partial<FileFacts>> {
  const bitmap = await createImageBitmap(file);
  const facts = { width: bitmap.width, height: bitmap.height, ...thumbnail(bitmap, bitmap.width, bitmap.height) };
  bitmap.close();
  return facts;
}

async function videoFacts(file: Blob): Promise<Partial<FileFacts>> {
  const video = document.createElement("video");
  const url = URL.createObjectURL(file);
  try {
    video.muted = true;
    video.preload = "auto";
    video.src = url;
    await new Promise<void>((resolve, reject) => {
      video.addEventListener("loadeddata", () => resolve(), { once: true });
      video.addEventListener("error", () => reject(new Error("the video cannot be read")), { once: true });
    });
    const { videoWidth: width, videoHeight: height, duration } = video;
    return {
      width,
      height,
      ...(Number.isFinite(duration) ? { length: Math.round(duration * 1000) } : {}),
      ...thumbnail(video, width, height),
    };
  } finally {
    URL.revokeObjectURL(url);
  }
}

function thumbnail(source: CanvasImageSource, width: number, height: number): { thumbnail?: string } {
  for (const side of [64, 40, 24]) {
    const scale = Math.min(1, side / Math.max(width, height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    canvas.getContext("2d")?.drawImage(source, 0, 0, canvas.width, canvas.height);
    const url = canvas.toDataURL("image/jpeg", 0.6);
    if (url.startsWith("data:image/jpeg") && url.length <= thumbnailBytes) return { thumbnail: url };
  }
  return {};
}
