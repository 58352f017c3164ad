// Own pictures: small and square, whatever was chosen.
import type { Picture } from "../core/types";

/** Edge of a picture in pixels: sharp at 72 on screens of a high resolution. */
const EDGE = 192;

/** The middle of a picture, scaled; PNG without anything that a camera has written into it. */
export async function scaled(file: Blob): Promise<Picture> {
  const bitmap = await createImageBitmap(file);
  const side = Math.min(bitmap.width, bitmap.height);
  const edge = Math.min(side, EDGE);
  const canvas = new OffscreenCanvas(edge, edge);
  const context = canvas.getContext("2d");
  if (context === null || side === 0) throw new Error("nothing to draw");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, (bitmap.width - side) / 2, (bitmap.height - side) / 2, side, side, 0, 0, edge, edge);
  bitmap.close();
  const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer());
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return { mediaType: "image/png", width: edge, height: edge, data: btoa(binary) };
}
